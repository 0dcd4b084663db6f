package android.content;

import android.content.pm.ApplicationInfo;
import android.content.res.AssetManager;
import android.content.res.Resources;
import android.os.PowerManager;
import java.io.File;

/** The one context of the fake: where it looks is said by system properties. */
public class ContextWrapper extends Context {
  /** Tenths of a degree; null on phones that do not tell. */
  public static Integer batteryTemperature = 274;
  private static final ApplicationInfo INFO = new ApplicationInfo();
  private final Context base;

  public ContextWrapper(Context base) { this.base = base; }

  public ApplicationInfo getApplicationInfo() {
    INFO.packageName = "org.groupnet.bench";
    INFO.nativeLibraryDir = System.getProperty("phone.libraries");
    return INFO;
  }
  public Context getApplicationContext() { return new ContextWrapper(null); }
  public AssetManager getAssets() { return new AssetManager(); }
  public ContentResolver getContentResolver() { return new ContentResolver(this) {}; }
  public File getExternalFilesDir(String type) {
    File folder = new File(System.getProperty("phone.files"), "external/" + type);
    return folder.isDirectory() || folder.mkdirs() ? folder : null;
  }
  public File getFilesDir() {
    File folder = new File(System.getProperty("phone.files"), "internal");
    folder.mkdirs();
    return folder;
  }
  public Resources getResources() { return new Resources(); }
  public Object getSystemService(String name) { return name.equals(POWER_SERVICE) ? new PowerManager() : null; }
  public Intent registerReceiver(BroadcastReceiver receiver, IntentFilter filter) {
    if (!filter.action.equals(Intent.ACTION_BATTERY_CHANGED)) throw new SecurityException(filter.action);
    if (batteryTemperature == null) return null;
    Intent battery = new Intent(filter.action);
    battery.numbers.put("temperature", batteryTemperature);
    return battery;
  }
}
