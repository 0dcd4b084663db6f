package android.view;

import android.content.Context;
import java.awt.Graphics2D;
import java.util.ArrayList;
import java.util.List;

public abstract class ViewGroup extends View {
  public static class LayoutParams {
    public int width, height;
    public LayoutParams(int width, int height) { this.width = width; this.height = height; }
  }

  public static class MarginLayoutParams extends ViewGroup.LayoutParams {
    public int leftMargin, topMargin, rightMargin, bottomMargin;
    public MarginLayoutParams(int width, int height) { super(width, height); }
    public void setMargins(int left, int top, int right, int bottom) {
      leftMargin = left;
      topMargin = top;
      rightMargin = right;
      bottomMargin = bottom;
    }
  }

  public final List<View> children = new ArrayList<View>();

  public ViewGroup(Context context) { super(context); }

  public void addView(View child) {
    if (children.contains(child)) throw new IllegalStateException("the child has a parent already");
    children.add(child);
    if (child.parameters == null) child.parameters = defaults();
  }
  public void removeAllViews() { children.clear(); }

  protected LayoutParams defaults() { return new MarginLayoutParams(-1, -1); }

  /** What a child is told, of so much room. */
  protected static int spec(int room, int wanted) {
    if (wanted >= 0) return MeasureSpec.EXACTLY | wanted;
    return (wanted == -1 ? MeasureSpec.EXACTLY : MeasureSpec.AT_MOST) | Math.max(0, room);
  }

  @Override
  public void layOut() { for (View child : children) child.layOut(); }

  @Override
  protected void drawChildren(Graphics2D graphics) { for (View child : children) child.drawOn(graphics); }
}
