package android.graphics;

public final class Rect {
  final int left, top, right, bottom;
  public Rect(int left, int top, int right, int bottom) {
    this.left = left;
    this.top = top;
    this.right = right;
    this.bottom = bottom;
  }
}
