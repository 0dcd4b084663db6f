package android.graphics;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.awt.geom.RoundRectangle2D;
import java.util.ArrayList;
import java.util.List;

/** Draws with Java2D, and remembers where texts went. */
public class Canvas {
  /** A text: where its ink is on the screen, and the part of the screen that it can be seen in. */
  public static final class Drawn {
    public final String text;
    public final Rectangle2D ink, seen;

    Drawn(String text, Rectangle2D ink, Rectangle2D seen) {
      this.text = text;
      this.ink = ink;
      this.seen = seen;
    }
  }

  /** What was written since this was emptied. */
  public static final List<Drawn> WRITTEN = new ArrayList<Drawn>();

  public final Graphics2D graphics;

  public Canvas(Graphics2D graphics) {
    this.graphics = graphics;
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
  }

  public void drawBitmap(Bitmap bitmap, Rect source, RectF target, Paint paint) {
    Object how = paint.filter ? RenderingHints.VALUE_INTERPOLATION_BILINEAR : RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR;
    graphics.setRenderingHint(RenderingHints.KEY_INTERPOLATION, how);
    graphics.drawImage(bitmap.image, Math.round(target.left), Math.round(target.top), Math.round(target.right),
        Math.round(target.bottom), source.left, source.top, source.right, source.bottom, null);
  }
  public void drawCircle(float x, float y, float radius, Paint paint) {
    draw(new Ellipse2D.Float(x - radius, y - radius, 2 * radius, 2 * radius), paint);
  }
  public void drawLine(float x0, float y0, float x1, float y1, Paint paint) {
    graphics.setColor(new Color(paint.color, true));
    graphics.setStroke(new BasicStroke(paint.width));
    graphics.draw(new Line2D.Float(x0, y0, x1, y1));
  }
  public void drawRect(float left, float top, float right, float bottom, Paint paint) {
    draw(new Rectangle2D.Float(left, top, right - left, bottom - top), paint);
  }
  public void drawRoundRect(RectF area, float rx, float ry, Paint paint) {
    draw(new RoundRectangle2D.Float(area.left, area.top, area.right - area.left, area.bottom - area.top, 2 * rx, 2 * ry), paint);
  }
  public void drawText(String text, float x, float y, Paint paint) {
    float width = paint.measureText(text);
    float shift = paint.align == Paint.Align.RIGHT ? width : paint.align == Paint.Align.CENTER ? width / 2 : 0;
    graphics.setFont(paint.font());
    graphics.setColor(new Color(paint.color, true));
    graphics.drawString(text, x - shift, y);
    Rectangle2D ink = paint.font().createGlyphVector(Paint.MEASURE, text).getVisualBounds();
    ink.setRect(ink.getX() + x - shift, ink.getY() + y, ink.getWidth(), ink.getHeight());
    if (!ink.isEmpty()) WRITTEN.add(new Drawn(text, onScreen(ink), onScreen(graphics.getClip())));
  }

  private Rectangle2D onScreen(Shape shape) {
    return graphics.getTransform().createTransformedShape(shape).getBounds2D();
  }

  private void draw(Shape shape, Paint paint) {
    graphics.setColor(new Color(paint.color, true));
    graphics.setStroke(new BasicStroke(paint.width));
    if (paint.style != Paint.Style.STROKE) graphics.fill(shape);
    if (paint.style != Paint.Style.FILL) graphics.draw(shape);
  }
}
