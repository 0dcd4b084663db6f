package org.groupnet.bench;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Build;
import android.os.PowerManager;
import org.json.JSONException;
import org.json.JSONObject;

/** What only Java is told of the phone: its name, the battery, the thermal state. */
final class Phone {
  /** In the order of PowerManager's THERMAL_STATUS numbers. */
  private static final String[] THERMAL = {"none", "light", "moderate", "severe", "critical", "emergency", "shutdown"};

  private Phone() {}

  static String name() {
    String model = String.valueOf(Build.MODEL);
    String maker = String.valueOf(Build.MANUFACTURER);
    return model.toLowerCase().startsWith(maker.toLowerCase()) ? model : maker + " " + model;
  }

  /** The chip; its proper name is told from Android 12 on. */
  static String soc() {
    if (Build.VERSION.SDK_INT >= 31) return Build.SOC_MANUFACTURER + " " + Build.SOC_MODEL;
    return Build.HARDWARE;
  }

  static String android() {
    return Build.VERSION.RELEASE + " (API " + Build.VERSION.SDK_INT + ")";
  }

  /** Of the battery, in degrees Celsius; NaN where it is not told. */
  static double batteryCelsius(Context context) {
    Intent battery = context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
    int tenths = battery == null ? Integer.MIN_VALUE : battery.getIntExtra("temperature", Integer.MIN_VALUE);
    return tenths == Integer.MIN_VALUE ? Double.NaN : tenths / 10.0;
  }

  /** Android's word for how hot the phone is; null before Android 10, which does not tell. */
  static String thermalState(Context context) {
    if (Build.VERSION.SDK_INT < 29) return null;
    PowerManager power = (PowerManager) context.getSystemService(Context.POWER_SERVICE);
    int status = power.getCurrentThermalStatus();
    return status >= 0 && status < THERMAL.length ? THERMAL[status] : String.valueOf(status);
  }

  static JSONObject describe(Context context) throws JSONException {
    double celsius = batteryCelsius(context);
    JSONObject json = new JSONObject();
    json.put("name", name());
    json.put("soc", soc());
    json.put("android", Build.VERSION.RELEASE);
    json.put("api", Build.VERSION.SDK_INT);
    if (!Double.isNaN(celsius)) json.put("battery_celsius", celsius);
    if (thermalState(context) != null) json.put("thermal_state", thermalState(context));
    return json;
  }
}
