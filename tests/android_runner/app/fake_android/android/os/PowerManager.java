package android.os;

public final class PowerManager {
  public int getCurrentThermalStatus() {
    if (Build.VERSION.SDK_INT < 29) throw new NoSuchMethodError("getCurrentThermalStatus is of Android 10");
    return 0;
  }
}
