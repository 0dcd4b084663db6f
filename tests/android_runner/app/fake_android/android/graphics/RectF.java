package android.graphics;

public class RectF {
  final float left, top, right, bottom;
  public RectF(float left, float top, float right, float bottom) {
    this.left = left;
    this.top = top;
    this.right = right;
    this.bottom = bottom;
  }
}
