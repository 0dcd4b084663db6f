package android.util;

public class DisplayMetrics {
  public static final DisplayMetrics ONE = new DisplayMetrics();
  public float density = 1;
  public float scaledDensity = 1;
  public int widthPixels;
}
