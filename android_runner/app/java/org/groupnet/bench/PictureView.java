package org.groupnet.bench;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.Rect;
import android.graphics.RectF;
import android.view.View;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A picture of a test set with what the model says of it drawn over: boxes, or the classes of its pixels. */
final class PictureView extends View {
  private static final int[] COLORS = {
    0xFF000000, 0xFFE6194B, 0xFF3CB44B, 0xFFFFE119, 0xFF4A7BFF, 0xFFF58231, 0xFFC04CFF, 0xFF46F0F0, 0xFFF032E6,
    0xFFBCF60C, 0xFFFABEBE, 0xFF00A3A3,
  };
  private static final int SEE_THROUGH = 0x99FFFFFF;

  private final Bitmap picture;
  private final Bitmap mask;
  private final JSONArray boxes;
  private final int columns;
  private final int rows;
  private final Ui ui;

  /**
   * @param pixels row by row, one byte (grey) or three (red, green, blue) each
   * @param prediction as `--batch` prints it
   */
  PictureView(Context context, TestSet set, byte[] pixels, JSONObject prediction) throws JSONException {
    super(context);
    columns = set.width;
    rows = set.height;
    ui = new Ui(context);
    picture = Bitmap.createBitmap(colors(pixels, set.channels), columns, rows, Bitmap.Config.ARGB_8888);
    boxes = set.task.equals("detection") ? prediction.getJSONArray("boxes") : null;
    mask = set.task.equals("segmentation") ? mask(prediction.getJSONArray("runs")) : null;
  }

  /** The color of a class, for the list of names below the pictures. */
  static int color(int index) {
    return COLORS[1 + index % (COLORS.length - 1)];
  }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    int width = MeasureSpec.getSize(widthSpec);
    setMeasuredDimension(width, Math.round(width * (float) rows / columns));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    // Small pictures show their pixels as they are.
    paint.setFilterBitmap(false);
    Rect whole = new Rect(0, 0, columns, rows);
    RectF area = new RectF(0, 0, getWidth(), getHeight());
    canvas.drawBitmap(picture, whole, area, paint);
    if (mask != null) canvas.drawBitmap(mask, whole, area, paint);
    float scale = (float) getWidth() / columns;
    // The surest one comes first, and lies above the others.
    for (int i = boxes == null ? -1 : boxes.length() - 1; i >= 0; i--) drawBox(canvas, paint, boxes.optJSONObject(i), scale);
  }

  private void drawBox(Canvas canvas, Paint paint, JSONObject box, float scale) {
    JSONArray sides = box == null ? null : box.optJSONArray("box");
    if (sides == null || sides.length() != 4 || box.optDouble("score", 0) < Score.SHOWN) return;
    float left = (float) sides.optDouble(0, 0) * scale;
    float top = (float) sides.optDouble(1, 0) * scale;
    float right = (float) sides.optDouble(2, 0) * scale;
    float bottom = (float) sides.optDouble(3, 0) * scale;
    int color = color(box.optInt("index", 0));
    paint.setColor(color);
    paint.setStyle(Paint.Style.STROKE);
    paint.setStrokeWidth(ui.px(2));
    canvas.drawRect(left, top, right, bottom, paint);
    String label = box.optString("label", "");
    paint.setStyle(Paint.Style.FILL);
    paint.setTextSize(ui.sp(12));
    float width = paint.measureText(label) + ui.px(6);
    float under = Math.max(top, ui.sp(16));
    left = Math.max(0, Math.min(left, getWidth() - width));
    canvas.drawRect(left, under - ui.sp(16), left + width, under, paint);
    paint.setColor(0xFF000000);
    canvas.drawText(label, left + ui.px(3), under - ui.sp(4), paint);
  }

  private Bitmap mask(JSONArray runs) throws JSONException {
    int[] classes = Score.mask(runs, rows * columns);
    for (int i = 0; i < classes.length; i++) {
      // Class 0 is the background, which stays as it is.
      classes[i] = classes[i] == 0 ? 0 : color(classes[i] - 1) & SEE_THROUGH;
    }
    return Bitmap.createBitmap(classes, columns, rows, Bitmap.Config.ARGB_8888);
  }

  private static int[] colors(byte[] pixels, int channels) {
    int[] colors = new int[pixels.length / channels];
    for (int i = 0; i < colors.length; i++) {
      int red = pixels[i * channels] & 0xFF;
      int green = channels == 3 ? pixels[i * channels + 1] & 0xFF : red;
      int blue = channels == 3 ? pixels[i * channels + 2] & 0xFF : red;
      colors[i] = 0xFF000000 | red << 16 | green << 8 | blue;
    }
    return colors;
  }
}
