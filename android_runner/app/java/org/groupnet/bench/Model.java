package org.groupnet.bench;

import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** One model inside the benchmark program, as `--list` tells of it. */
final class Model {
  final String name;
  final String task;
  /** Batch, height, width, channels. */
  final int[] shape;
  final long weightsBytes;
  /** Why it does not run on this phone; null where it does. */
  final String refused;

  private Model(JSONObject json) throws JSONException {
    name = json.getString("name");
    task = json.getString("task");
    JSONArray sizes = json.getJSONArray("inputs").getJSONObject(0).getJSONArray("shape");
    shape = new int[sizes.length()];
    for (int i = 0; i < shape.length; i++) shape[i] = sizes.getInt(i);
    weightsBytes = json.optLong("weights_bytes", 0);
    refused = json.getBoolean("runs_here") ? null : json.optString("refused", "");
  }

  static List<Model> all(JSONObject list) throws JSONException {
    JSONArray array = list.getJSONArray("models");
    List<Model> models = new ArrayList<Model>();
    for (int i = 0; i < array.length(); i++) models.add(new Model(array.getJSONObject(i)));
    return models;
  }

  /** As "32 × 32 × 1". */
  String size() {
    StringBuilder text = new StringBuilder();
    for (int i = 1; i < shape.length; i++) text.append(i == 1 ? "" : " × ").append(shape[i]);
    return text.toString();
  }
}
