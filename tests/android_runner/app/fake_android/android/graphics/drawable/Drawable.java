package android.graphics.drawable;

import android.graphics.Canvas;

public abstract class Drawable {
  public void drawOn(Canvas canvas, int width, int height) {}
}
