package android.widget;

import android.content.Context;
import android.view.View;

/** Its child may be as high as it likes. */
public class ScrollView extends FrameLayout {
  public static final int ENDLESS = 1 << 20;

  public ScrollView(Context context) { super(context); }
  public void setFillViewport(boolean fill) {}

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    int wide = MeasureSpec.getSize(widthSpec);
    for (View child : children) child.measure(spec(wide, -1), MeasureSpec.AT_MOST | ENDLESS);
    setMeasuredDimension(wide, MeasureSpec.getSize(heightSpec));
  }

  /** How high the child is, seen or not. */
  public int contentHeight() { return children.isEmpty() ? 0 : children.get(0).height; }
}
