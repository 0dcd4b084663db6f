package android.widget;

import android.content.Context;
import android.view.View;
import android.view.ViewGroup;

public class LinearLayout extends ViewGroup {
  public static class LayoutParams extends ViewGroup.MarginLayoutParams {
    final float weight;
    public LayoutParams(int width, int height, float weight) {
      super(width, height);
      this.weight = weight;
    }
  }

  private boolean vertical;
  private int gravity;

  public LinearLayout(Context context) { super(context); }
  public void setOrientation(int orientation) { vertical = orientation == 1; }
  public void setGravity(int gravity) { this.gravity = gravity; }

  @Override
  protected ViewGroup.LayoutParams defaults() { return new LayoutParams(vertical ? -1 : -2, -2, 0); }

  private static LayoutParams of(View child) { return (LayoutParams) child.parameters; }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    int wide = MeasureSpec.getSize(widthSpec) - padLeft - padRight;
    int high = MeasureSpec.getSize(heightSpec) - padTop - padBottom;
    int used = 0, across = 0;
    float weights = 0;
    for (View child : children) {
      if (child.visibility == GONE) continue;
      LayoutParams at = of(child);
      int margins = vertical ? at.topMargin + at.bottomMargin : at.leftMargin + at.rightMargin;
      used += margins;
      weights += at.weight;
      if (at.weight > 0) continue;
      measure(child, wide - (vertical ? 0 : used), vertical ? high - used : high);
      used += vertical ? child.height : child.width;
    }
    int left = Math.max(0, (vertical ? high : wide) - used);
    for (View child : children) {
      if (child.visibility == GONE) continue;
      LayoutParams at = of(child);
      if (at.weight > 0) {
        int share = Math.round(left * at.weight / weights);
        if (vertical) child.measure(spec(wide - at.leftMargin - at.rightMargin, at.width), MeasureSpec.EXACTLY | share);
        else child.measure(MeasureSpec.EXACTLY | share, spec(high, at.height));
        used += vertical ? child.height : child.width;
      }
      int size = vertical ? child.width + at.leftMargin + at.rightMargin : child.height + at.topMargin + at.bottomMargin;
      across = Math.max(across, size);
    }
    boolean exactWidth = MeasureSpec.mode(widthSpec) == MeasureSpec.EXACTLY;
    boolean exactHeight = MeasureSpec.mode(heightSpec) == MeasureSpec.EXACTLY;
    int ownWidth = (vertical ? across : used) + padLeft + padRight;
    int ownHeight = Math.max(leastHeight, (vertical ? used : across) + padTop + padBottom);
    setMeasuredDimension(exactWidth ? MeasureSpec.getSize(widthSpec) : ownWidth,
        exactHeight ? MeasureSpec.getSize(heightSpec) : ownHeight);
  }

  private void measure(View child, int wide, int high) {
    LayoutParams at = of(child);
    child.measure(spec(wide - (vertical ? at.leftMargin + at.rightMargin : 0), at.width), spec(high, at.height));
  }

  @Override
  public void layOut() {
    int x = padLeft, y = padTop;
    for (View child : children) {
      if (child.visibility == GONE) continue;
      LayoutParams at = of(child);
      child.left = x + at.leftMargin;
      child.top = y + at.topMargin;
      if (vertical) {
        y = child.top + child.height + at.bottomMargin;
      } else {
        if ((gravity & 0x70) == 0x10) child.top = padTop + (height - padTop - padBottom - child.height) / 2;
        x = child.left + child.width + at.rightMargin;
      }
    }
    super.layOut();
  }
}
