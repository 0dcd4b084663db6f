package android.content;

import android.content.pm.ApplicationInfo;
import android.content.res.AssetManager;
import android.content.res.Resources;
import java.io.File;

public abstract class Context {
  public static final String POWER_SERVICE = "power";
  public abstract ApplicationInfo getApplicationInfo();
  public abstract Context getApplicationContext();
  public abstract AssetManager getAssets();
  public abstract ContentResolver getContentResolver();
  public abstract File getExternalFilesDir(String type);
  public abstract File getFilesDir();
  public abstract Resources getResources();
  public abstract Object getSystemService(String name);
  public abstract Intent registerReceiver(BroadcastReceiver receiver, IntentFilter filter);
  public final int getColor(int id) { return Resources.color(id); }
  public final String getString(int id) { return Resources.text(id); }
  public final String getString(int id, Object... arguments) { return String.format(Resources.text(id), arguments); }
}
