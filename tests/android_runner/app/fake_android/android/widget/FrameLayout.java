package android.widget;

import android.content.Context;
import android.view.View;
import android.view.ViewGroup;

public class FrameLayout extends ViewGroup {
  public FrameLayout(Context context) { super(context); }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    int wide = MeasureSpec.getSize(widthSpec);
    int high = MeasureSpec.getSize(heightSpec);
    for (View child : children) child.measure(spec(wide, -1), spec(high, child.parameters.height));
    setMeasuredDimension(wide, high);
  }
}
