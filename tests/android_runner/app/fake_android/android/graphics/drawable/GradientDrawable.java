package android.graphics.drawable;

import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.RectF;

public class GradientDrawable extends Drawable {
  private int color, strokeWidth, strokeColor;
  private float radius;
  public void setColor(int color) { this.color = color; }
  public void setCornerRadius(float radius) { this.radius = radius; }
  public void setStroke(int width, int color) { strokeWidth = width; strokeColor = color; }

  @Override
  public void drawOn(Canvas canvas, int width, int height) {
    Paint paint = new Paint(0);
    paint.setColor(color);
    float round = Math.min(radius, Math.min(width, height) / 2f);
    canvas.drawRoundRect(new RectF(0, 0, width, height), round, round, paint);
    if (strokeWidth == 0) return;
    paint.setColor(strokeColor);
    paint.setStyle(Paint.Style.STROKE);
    paint.setStrokeWidth(strokeWidth);
    float half = strokeWidth / 2f;
    canvas.drawRoundRect(new RectF(half, half, width - half, height - half), round, round, paint);
  }
}
