package android.graphics;

import java.awt.Font;

public class Typeface {
  private final int style;
  private Typeface(int style) { this.style = style; }
  public static Typeface create(String family, int style) {
    return new Typeface(style == 1 || "sans-serif-medium".equals(family) ? Font.BOLD : Font.PLAIN);
  }
  public Font font(float size) { return new Font("SansSerif", style, 1).deriveFont(size * 0.92f); }
}
