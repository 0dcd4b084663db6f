package android.graphics;

import java.awt.Font;
import java.awt.font.FontRenderContext;

public class Paint {
  public enum Style { FILL, STROKE, FILL_AND_STROKE }
  public enum Align { LEFT, CENTER, RIGHT }
  public static final FontRenderContext MEASURE = new FontRenderContext(null, true, true);
  int color = 0xFF000000;
  Style style = Style.FILL;
  Align align = Align.LEFT;
  float width = 1;
  boolean filter;
  private float size = 12;
  private Typeface face = Typeface.create(null, 0);

  public Paint(int flags) {}
  public void setColor(int color) { this.color = color; }
  public void setStyle(Paint.Style style) { this.style = style; }
  public void setStrokeWidth(float width) { this.width = width; }
  public void setTextAlign(Paint.Align align) { this.align = align; }
  public void setTextSize(float size) { this.size = size; }
  public void setFilterBitmap(boolean filter) { this.filter = filter; }
  public float measureText(String text) { return (float) font().getStringBounds(text, MEASURE).getWidth(); }
  public Typeface setTypeface(Typeface typeface) { return face = typeface; }
  Font font() { return face.font(size); }
}
