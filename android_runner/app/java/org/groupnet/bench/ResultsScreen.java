package org.groupnet.bench;

import android.view.Gravity;
import android.view.View;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A record: times as a table and as bars, the slowest kernels, the test pictures; share it, or save it. */
final class ResultsScreen extends Screen {
  private static final int KERNELS = 5;

  ResultsScreen(MainActivity activity) {
    super(activity);
  }

  @Override
  void fill(LinearLayout column) {
    ui.title(column, R.string.results_title);
    Record record = bench().record();
    if (record == null) {
      ui.body(ui.card(column), string(R.string.results_none));
      return;
    }
    if (activity.note() != null) ui.notice(column, activity.note(), false);
    try {
      show(column, record);
    } catch (JSONException wrong) {
      ui.notice(column, Program.unexpected(activity, wrong).getMessage(), true);
    } catch (BenchException failed) {
      ui.notice(column, failed.getMessage(), true);
    }
  }

  private void show(LinearLayout column, final Record record) throws BenchException, JSONException {
    List<Record.Timing> timings = record.timings();
    JSONObject phone = record.json.getJSONObject("phone");
    ui.caption(column, phone.getString("name") + " · " + record.shownTime()).setPadding(ui.px(4), 0, 0, ui.px(12));
    if (record.json.optBoolean("background", false)) ui.notice(column, string(R.string.run_background), false);
    Map<String, String> throttled = new LinkedHashMap<String, String>();
    for (Record.Timing timing : timings) {
      String before = throttled.get(timing.throttling());
      throttled.put(timing.throttling(), before == null ? timing.model() : before + ", " + timing.model());
    }
    throttled.remove("");
    for (Map.Entry<String, String> why : throttled.entrySet()) {
      ui.notice(column, string(R.string.results_throttled, why.getKey(), why.getValue()), false);
    }
    JSONArray failures = record.json.getJSONArray("failures");
    for (int i = 0; i < failures.length(); i++) {
      JSONObject failure = failures.getJSONObject(i);
      ui.notice(column, string(R.string.run_failed, failure.getString("model"), failure.getString("message")), true);
    }
    latency(column, timings);
    JSONArray sets = record.json.getJSONArray("test_sets");
    Pictures pictures = new Pictures(activity);
    for (int i = 0; i < sets.length(); i++) pictures.add(column, sets.getJSONObject(i));
    for (Record.Timing timing : timings) kernels(column, timing);
    pictures.addCredits(column);
    ui.button(column, string(R.string.results_share), true, new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        activity.share(record);
      }
    });
    ui.button(column, string(R.string.results_save), false, new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        activity.save(record);
      }
    });
  }

  private void latency(LinearLayout column, List<Record.Timing> timings) throws JSONException {
    if (timings.isEmpty()) return;
    LinearLayout card = ui.card(column);
    ui.heading(card, string(R.string.results_latency));
    List<String> names = new ArrayList<String>();
    List<Double> medians = new ArrayList<Double>();
    String[] titles = {string(R.string.results_min), string(R.string.results_median), string(R.string.results_p95)};
    row(card, string(R.string.results_model), titles, R.color.text_secondary);
    for (Record.Timing timing : timings) {
      String[] times = {Format.ms(timing.min), Format.ms(timing.p50), Format.ms(timing.p95)};
      row(card, timing.model(), times, R.color.text).setContentDescription(timing.model() + ", "
          + titles[0] + " " + times[0] + ", " + titles[1] + " " + times[1] + ", " + titles[2] + " " + times[2]);
      names.add(timing.model());
      medians.add(timing.p50);
    }
    TextView title = ui.caption(card, string(R.string.results_chart));
    title.setPadding(0, ui.px(16), 0, ui.px(4));
    card.addView(new BarChart(activity, string(R.string.results_chart), names, medians));
    JSONObject first = timings.get(0).json;
    JSONObject cores = first.optJSONObject("cores");
    String asked = cores == null || cores.isNull("asked") ? string(R.string.cores_any) : cores.optString("asked", "");
    ui.caption(card, string(R.string.results_how, timings.get(0).samples.length, first.optInt("threads", 1), asked));
  }

  private LinearLayout row(LinearLayout card, String name, String[] values, int color) {
    LinearLayout row = ui.row(card);
    row.setPadding(0, ui.px(5), 0, ui.px(5));
    ui.weighted(ui.text(row, name, Ui.CAPTION_SP, color), 2);
    for (String value : values) {
      TextView text = ui.text(row, value, Ui.CAPTION_SP, color);
      text.setGravity(Gravity.END);
      ui.weighted(text, 1);
    }
    return row;
  }

  private void kernels(LinearLayout column, Record.Timing timing) throws JSONException {
    JSONArray profile = timing.json.optJSONArray("profile");
    if (profile == null || profile.length() == 0) return;
    LinearLayout card = ui.card(column);
    ui.heading(card, timing.model());
    ui.caption(card, string(R.string.results_kernels)).setPadding(0, 0, 0, ui.px(4));
    List<JSONObject> sorted = new ArrayList<JSONObject>();
    for (int i = 0; i < profile.length(); i++) sorted.add(profile.getJSONObject(i));
    Collections.sort(sorted, new Comparator<JSONObject>() {
      @Override
      public int compare(JSONObject a, JSONObject b) {
        return Double.compare(b.optDouble("ms", 0), a.optDouble("ms", 0));
      }
    });
    for (JSONObject kernel : sorted.subList(0, Math.min(KERNELS, sorted.size()))) {
      LinearLayout row = ui.row(card);
      row.setPadding(0, ui.px(4), 0, ui.px(4));
      String shown = Format.kernel(kernel.getString("kernel"));
      ui.weighted(ui.text(row, shown, Ui.CAPTION_SP, R.color.text), 3);
      String share = String.format("%.0f %%", 100 * kernel.optDouble("share", 0));
      TextView text = ui.text(row, string(R.string.run_ms, Format.ms(kernel.getDouble("ms"))) + " · " + share,
          Ui.CAPTION_SP, R.color.text);
      text.setGravity(Gravity.END);
      ui.weighted(text, 2);
    }
  }
}
