package android.view;

public interface WindowManager {
  public static class LayoutParams extends ViewGroup.LayoutParams {
    public LayoutParams() { super(-1, -1); }
  }
}
