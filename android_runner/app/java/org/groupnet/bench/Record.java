package org.groupnet.bench;

import android.content.Context;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** What one tap on "Measure" gave: the JSON that is kept, shared and saved, and that `groupnet report` reads. */
final class Record {
  static final String KIND = "groupnet-app-record";
  static final int SCHEMA = 1;
  private static final String TIME = "yyyy-MM-dd'T'HH:mm:ss'Z'";

  final JSONObject json;

  private Record(JSONObject json) {
    this.json = json;
  }

  static Record start(Context context, Date time) throws JSONException {
    JSONObject json = new JSONObject();
    json.put("kind", KIND);
    json.put("schema", SCHEMA);
    json.put("time", Format.utc(time, TIME));
    json.put("phone", Phone.describe(context));
    json.put("background", false);
    json.put("results", new JSONArray());
    json.put("test_sets", new JSONArray());
    json.put("failures", new JSONArray());
    return new Record(json);
  }

  /** @throws JSONException it is no record of this app, or of another version */
  static Record parse(String text) throws JSONException {
    JSONObject json = new JSONObject(text);
    if (!KIND.equals(json.getString("kind")) || json.getInt("schema") != SCHEMA) {
      throw new JSONException("another kind of file");
    }
    Record record = new Record(json);
    record.shownTime();
    for (Timing timing : record.timings()) timing.model();
    json.getJSONObject("phone").getString("name");
    json.getJSONArray("test_sets");
    json.getJSONArray("failures");
    return record;
  }

  String time() throws JSONException {
    return json.getString("time");
  }

  /** When it was, by the phone's clock and in its language. */
  String shownTime() throws JSONException {
    try {
      return Format.local(Format.parseUtc(time(), TIME));
    } catch (ParseException wrong) {
      throw new JSONException("a time that cannot be: " + time());
    }
  }

  String fileName() {
    return json.optString("time", "").replace(":", "").replace("-", "") + ".json";
  }

  String text() {
    try {
      return json.toString(1);
    } catch (JSONException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Where a model was timed; stopped runs without any time are left out. */
  List<Timing> timings() throws JSONException {
    JSONArray results = json.getJSONArray("results");
    List<Timing> timings = new ArrayList<Timing>();
    for (int i = 0; i < results.length(); i++) timings.add(new Timing(results.getJSONObject(i)));
    return timings;
  }

  /** One model's result. */
  static final class Timing {
    final JSONObject json;
    final double min;
    final double p50;
    final double p95;
    final double[] samples;

    Timing(JSONObject json) throws JSONException {
      this.json = json;
      JSONObject latency = json.getJSONObject("latency_ms");
      min = latency.getDouble("min");
      p50 = latency.getDouble("p50");
      p95 = latency.getDouble("p95");
      JSONArray all = latency.getJSONArray("samples");
      samples = new double[all.length()];
      for (int i = 0; i < samples.length; i++) samples[i] = all.getDouble(i);
      if (!(min > 0 && min <= p50 && p50 <= p95) || samples.length == 0) throw new JSONException("times that cannot be");
    }

    String model() throws JSONException {
      return json.getString("model");
    }

    /** Why the clocks fell meanwhile; empty where they did not. */
    String throttling() {
      JSONObject throttling = json.optJSONObject("throttling");
      if (throttling == null || !throttling.optBoolean("throttled", false)) return "";
      JSONArray reasons = throttling.optJSONArray("reasons");
      StringBuilder text = new StringBuilder();
      for (int i = 0; reasons != null && i < reasons.length(); i++) {
        text.append(i == 0 ? "" : "; ").append(String.valueOf(optional(reasons, i)));
      }
      return text.toString();
    }

    private static String optional(JSONArray array, int index) {
      try {
        return array.getString(index);
      } catch (JSONException notText) {
        return "";
      }
    }
  }
}
