package android.net;

public abstract class Uri {
  public static Uri of(final String path) {
    return new Uri() {
      public String toString() { return path; }
    };
  }
  public abstract String toString();
}
