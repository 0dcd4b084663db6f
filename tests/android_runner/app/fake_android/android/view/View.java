package android.view;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.drawable.Drawable;
import java.awt.AlphaComposite;
import java.awt.Graphics2D;

/** Measures, lays out and draws as Android does, for what the app uses. */
public class View {
  public static final int GONE = 8;

  public interface OnClickListener {
    void onClick(View view);
  }

  public static class MeasureSpec {
    public static final int EXACTLY = 1 << 30;
    public static final int AT_MOST = 2 << 30;
    public static int getSize(int spec) { return spec & 0x3FFFFFFF; }
    public static int mode(int spec) { return spec & 0xC0000000; }
  }

  public ViewGroup.LayoutParams parameters;
  public CharSequence description;
  public OnClickListener listener;
  public boolean enabled = true, selected, silent;
  public int visibility, live;
  public int left, top, width, height;
  protected int padLeft, padTop, padRight, padBottom, leastWidth, leastHeight;
  private final Context context;
  private Drawable background;
  private Integer backgroundColor;
  private float alpha = 1;

  public View(Context context) {
    if (context == null) throw new NullPointerException("a view without a context");
    this.context = context;
  }

  protected void onDraw(Canvas canvas) {}
  protected void onMeasure(int widthSpec, int heightSpec) {
    setMeasuredDimension(MeasureSpec.getSize(widthSpec), leastHeight);
  }
  protected final void setMeasuredDimension(int width, int height) { this.width = width; this.height = height; }
  public final Context getContext() { return context; }
  public final int getWidth() { return width; }
  public final int getHeight() { return height; }
  public void invalidate() {}
  public void setAlpha(float alpha) { this.alpha = alpha; }
  public void setBackground(Drawable background) { this.background = background; }
  public void setBackgroundColor(int color) { backgroundColor = color; }
  public void setClickable(boolean clickable) {}
  public void setContentDescription(CharSequence text) { description = text; }
  public void setEnabled(boolean enabled) { this.enabled = enabled; }
  public void setFitsSystemWindows(boolean fits) {}
  public void setImportantForAccessibility(int mode) { silent = mode == 2; }
  public void setAccessibilityLiveRegion(int mode) { live = mode; }
  public void setLayoutParams(ViewGroup.LayoutParams parameters) { this.parameters = parameters; }
  public void setMinimumHeight(int pixels) { leastHeight = pixels; }
  public void setMinimumWidth(int pixels) { leastWidth = pixels; }
  public void setOnClickListener(View.OnClickListener listener) { this.listener = listener; }
  public void setPadding(int left, int top, int right, int bottom) {
    padLeft = left;
    padTop = top;
    padRight = right;
    padBottom = bottom;
  }
  public void setSelected(boolean selected) { this.selected = selected; }
  public void setVisibility(int visibility) { this.visibility = visibility; }

  public final void measure(int widthSpec, int heightSpec) { onMeasure(widthSpec, heightSpec); }
  public void layOut() {}

  public final void drawOn(Graphics2D parent) {
    if (visibility == GONE) return;
    Graphics2D own = (Graphics2D) parent.create(left, top, Math.max(width, 0), Math.max(height, 0));
    if (alpha < 1) own.setComposite(AlphaComposite.getInstance(AlphaComposite.SRC_OVER, alpha));
    Canvas canvas = new Canvas(own);
    if (backgroundColor != null) {
      own.setColor(new java.awt.Color(backgroundColor, true));
      own.fillRect(0, 0, width, height);
    }
    if (background != null) background.drawOn(canvas, width, height);
    onDraw(canvas);
    drawChildren(own);
    own.dispose();
  }

  protected void drawChildren(Graphics2D graphics) {}
}
