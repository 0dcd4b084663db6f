package org.groupnet.bench;

import android.view.View;
import android.widget.LinearLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** What the phone is made of, and how warm it is. */
final class DeviceScreen extends Screen {
  DeviceScreen(MainActivity activity) {
    super(activity);
  }

  @Override
  void fill(LinearLayout column) {
    ui.title(column, R.string.device_title);
    JSONObject device = bench().device();
    LinearLayout phone = ui.card(column);
    ui.heading(phone, Phone.name());
    ui.fact(phone, string(R.string.device_soc), Phone.soc());
    ui.fact(phone, string(R.string.device_android), Phone.android());
    if (bench().listError() != null) ui.notice(column, bench().listError(), true);
    try {
      if (device != null) {
        long memory = device.optLong("memory_bytes", 0);
        if (memory > 0) ui.fact(phone, string(R.string.device_memory), string(R.string.gigabytes, memory / 1e9));
        ui.fact(phone, string(R.string.device_features), join(device.getJSONArray("features")));
        cores(ui.card(column), device.getJSONArray("cores"));
      } else if (bench().listError() == null) {
        ui.caption(phone, string(R.string.reading));
      }
      temperature(ui.card(column), device);
    } catch (JSONException wrong) {
      ui.notice(column, Program.unexpected(activity, wrong).getMessage(), true);
    }
    ui.button(column, string(R.string.device_refresh), false, new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        bench().look();
      }
    });
  }

  /** Cores of one kind and clock are one line. */
  private void cores(LinearLayout card, JSONArray cores) throws JSONException {
    ui.heading(card, string(R.string.device_cores));
    Map<String, Integer> counts = new LinkedHashMap<String, Integer>();
    Map<String, JSONObject> kinds = new LinkedHashMap<String, JSONObject>();
    for (int i = 0; i < cores.length(); i++) {
      JSONObject core = cores.getJSONObject(i);
      String kind = core.getString("name") + core.optString("role", "") + core.optLong("max_khz", 0);
      counts.put(kind, counts.containsKey(kind) ? counts.get(kind) + 1 : 1);
      kinds.put(kind, core);
    }
    for (Map.Entry<String, JSONObject> kind : kinds.entrySet()) {
      JSONObject core = kind.getValue();
      int count = counts.get(kind.getKey());
      ui.body(card, string(R.string.core_line, count, core.getString("name"), core.optString("role", "")));
      long khz = core.optLong("max_khz", 0);
      if (khz > 0) ui.caption(card, string(R.string.clock, khz / 1e6)).setPadding(0, 0, 0, ui.px(8));
    }
  }

  private void temperature(LinearLayout card, JSONObject device) {
    ui.heading(card, string(R.string.device_temperature));
    ui.fact(card, string(R.string.device_battery), celsius(Phone.batteryCelsius(activity)));
    double processor = device == null ? Double.NaN : device.optDouble("cpu_celsius", Double.NaN);
    ui.fact(card, string(R.string.device_processor), celsius(processor));
    String state = Phone.thermalState(activity);
    if (state != null) ui.fact(card, string(R.string.device_thermal), state);
  }

  private String celsius(double value) {
    return Double.isNaN(value) ? string(R.string.unknown) : string(R.string.celsius, value);
  }

  private static String join(JSONArray words) throws JSONException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < words.length(); i++) text.append(i == 0 ? "" : ", ").append(words.getString(i));
    return text.toString();
  }
}
