package org.groupnet.bench;

import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** How far the measuring is, as the benchmark program's lines tell. */
final class Progress {
  boolean active;
  boolean stopping;
  boolean stopped;
  boolean finished;
  /** The app was not seen for a while: Android gives it less then. */
  boolean background;
  String model = "";
  int index;
  int total;
  /** One of the events that the program tells of. */
  String phase = "start";
  int done;
  int of;
  double lastMs = Double.NaN;
  double celsius = Double.NaN;
  String throttled = "";
  /** Why the record could not be written; null where it could. */
  String notKept;
  final List<Double> samples = new ArrayList<Double>();
  final List<String> failures = new ArrayList<String>();

  void startModel(String name, int number) {
    model = name;
    index = number;
    phase = "start";
    done = 0;
    of = 0;
    lastMs = Double.NaN;
    samples.clear();
  }

  /** Take a line in; whether there is something new to be seen. */
  boolean take(JSONObject line) throws JSONException {
    String event = line.getString("event");
    if (event.equals("reading")) {
      celsius = line.optDouble("cpu_celsius", Double.NaN);
      if (line.getBoolean("throttled")) throttled = reasons(line.getJSONArray("reasons"));
      return true;
    }
    if (event.equals("warmup")) {
      done = line.getInt("runs");
      lastMs = line.getDouble("ms");
    } else if (event.equals("run") || event.equals("image")) {
      done = line.getInt("index") + 1;
      of = line.getInt("of");
      if (event.equals("run")) {
        lastMs = line.getDouble("ms");
        samples.add(lastMs);
      }
    } else if (!event.equals("start") && !event.equals("check") && !event.equals("profile")) {
      return false; // a later program may tell more
    }
    phase = event;
    return true;
  }

  /** Of all models, between 0 and 1; warming up counts for nothing, pictures for a tenth. */
  float share() {
    if (total == 0) return 0;
    if (!active) return finished ? 1 : 0;
    float part = of == 0 ? 0 : (float) done / of;
    float within = phase.equals("run") ? 0.9f * part : phase.equals("image") ? 0.9f + 0.1f * part : 0;
    if (phase.equals("profile")) within = 0.9f;
    return (index + within) / total;
  }

  Progress copy() {
    Progress copy = new Progress();
    copy.active = active;
    copy.stopping = stopping;
    copy.stopped = stopped;
    copy.finished = finished;
    copy.background = background;
    copy.model = model;
    copy.index = index;
    copy.total = total;
    copy.phase = phase;
    copy.done = done;
    copy.of = of;
    copy.lastMs = lastMs;
    copy.celsius = celsius;
    copy.throttled = throttled;
    copy.notKept = notKept;
    copy.samples.addAll(samples);
    copy.failures.addAll(failures);
    return copy;
  }

  private static String reasons(JSONArray reasons) throws JSONException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < reasons.length(); i++) text.append(i == 0 ? "" : "; ").append(reasons.getString(i));
    return text.toString();
  }
}
