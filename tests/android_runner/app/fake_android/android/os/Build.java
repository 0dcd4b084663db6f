package android.os;

/** An emulated phone; Android's release can be set, because the app asks it what it may call. */
public class Build {
  public static final String MANUFACTURER = "Emulated";
  public static final String MODEL = "Phone";
  public static final String HARDWARE = "qcom";
  public static final String SOC_MANUFACTURER = "Emulated";
  public static final String SOC_MODEL = "EP-2";

  public static class VERSION {
    public static final int SDK_INT = Integer.getInteger("phone.api", 34);
    public static final String RELEASE = SDK_INT >= 34 ? "14" : "7.0";
  }
}
