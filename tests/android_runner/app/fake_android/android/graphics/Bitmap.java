package android.graphics;

import java.awt.image.BufferedImage;

public final class Bitmap {
  public enum Config { ALPHA_8, RGB_565, ARGB_4444, ARGB_8888 }
  final BufferedImage image;
  private Bitmap(BufferedImage image) { this.image = image; }
  public static Bitmap createBitmap(int[] colors, int width, int height, Bitmap.Config config) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
    image.setRGB(0, 0, width, height, colors, 0, width);
    return new Bitmap(image);
  }
}
