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
    if (boxes == null) return;
    // The surest one comes first: it lies above the others, and chooses first where its name stands.
    for (int i = boxes.length() - 1; i >= 0; i--) {
      float[] sides = sides(boxes.optJSONObject(i));
      if (sides != null) drawBox(canvas, paint, sides, boxes.optJSONObject(i));
    }
    LabelPlaces places = new LabelPlaces(getWidth(), getHeight());
    for (int i = 0; i < boxes.length(); i++) {
      float[] sides = sides(boxes.optJSONObject(i));
      if (sides != null) drawName(canvas, paint, sides, boxes.optJSONObject(i), places);
    }
  }

  /** Left, top, right and bottom of a box on the view; null for one that is not shown. */
  private float[] sides(JSONObject box) {
    JSONArray told = box == null ? null : box.optJSONArray("box");
    if (told == null || told.length() != 4 || box.optDouble("score", 0) < Score.SHOWN) return null;
    float[] sides = new float[4];
    for (int i = 0; i < 4; i++) sides[i] = (float) told.optDouble(i, 0) * getWidth() / columns;
    return sides;
  }

  private void drawBox(Canvas canvas, Paint paint, float[] sides, JSONObject box) {
    paint.setColor(color(box.optInt("index", 0)));
    paint.setStyle(Paint.Style.STROKE);
    paint.setStrokeWidth(ui.px(2));
    canvas.drawRect(sides[0], sides[1], sides[2], sides[3], paint);
  }

  /** A name that finds no place is told by its box's color. */
  private void drawName(Canvas canvas, Paint paint, float[] sides, JSONObject box, LabelPlaces places) {
    String name = box.optString("label", "");
    paint.setStyle(Paint.Style.FILL);
    paint.setTextSize(ui.sp(12));
    float wide = paint.measureText(name) + ui.px(6);
    float high = ui.sp(16);
    float[] at = places.place(sides, wide, high);
    if (at == null) return;
    paint.setColor(color(box.optInt("index", 0)));
    canvas.drawRect(at[0], at[1], at[0] + wide, at[1] + high, paint);
    paint.setColor(getContext().getColor(R.color.mask_text));
    canvas.drawText(name, at[0] + ui.px(3), at[1] + high - ui.sp(4), paint);
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
