package android.graphics.drawable;

import android.content.res.ColorStateList;
import android.graphics.Canvas;

public class RippleDrawable extends Drawable {
  private final Drawable content;
  public RippleDrawable(ColorStateList color, Drawable content, Drawable mask) { this.content = content; }
  @Override
  public void drawOn(Canvas canvas, int width, int height) {
    if (content != null) content.drawOn(canvas, width, height);
  }
}
