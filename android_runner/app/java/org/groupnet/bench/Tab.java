package org.groupnet.bench;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.RectF;
import android.view.View;

/** One place of the bar at the bottom: a drawing and its name, the chosen one on a pill. */
final class Tab extends View {
  private static final float HEIGHT_DP = 76;

  private final int number;
  private final String label;
  private final Ui ui;
  private boolean chosen;

  Tab(Context context, int number, String label, String description) {
    super(context);
    this.number = number;
    this.label = label;
    ui = new Ui(context);
    setContentDescription(description);
    setClickable(true);
  }

  void choose(boolean isChosen) {
    chosen = isChosen;
    setSelected(isChosen);
    invalidate();
  }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    setMeasuredDimension(MeasureSpec.getSize(widthSpec), ui.px(HEIGHT_DP));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    float middle = getWidth() / 2f;
    if (chosen) {
      paint.setColor(getContext().getColor(R.color.primary_soft));
      float half = Math.min(ui.px(30), middle);
      canvas.drawRoundRect(new RectF(middle - half, ui.px(8), middle + half, ui.px(40)), ui.px(16), ui.px(16), paint);
    }
    int color = getContext().getColor(chosen ? R.color.text : R.color.text_secondary);
    paint.setColor(color);
    paint.setStyle(Paint.Style.STROKE);
    paint.setStrokeWidth(ui.px(2));
    drawIcon(canvas, paint, middle, ui.px(24), ui.px(1));
    paint.setStyle(Paint.Style.FILL);
    // The biggest type would run into the next tab's.
    paint.setTextSize(ui.sp(13));
    float room = getWidth() - ui.px(4);
    paint.setTextSize(ui.sp(13) * Math.min(1, room / paint.measureText(label)));
    paint.setTextAlign(Paint.Align.CENTER);
    canvas.drawText(label, middle, ui.px(60), paint);
  }

  /** Lines of 20 units around x, y. */
  private void drawIcon(Canvas canvas, Paint paint, float x, float y, float unit) {
    if (number == MainActivity.DEVICE) {
      canvas.drawRoundRect(new RectF(x - 6 * unit, y - 10 * unit, x + 6 * unit, y + 10 * unit), 3 * unit, 3 * unit, paint);
      canvas.drawLine(x - 2 * unit, y + 6 * unit, x + 2 * unit, y + 6 * unit, paint);
    } else if (number == MainActivity.MODELS) {
      for (int row = -1; row <= 1; row++) {
        canvas.drawRoundRect(new RectF(x - 10 * unit, y + (7 * row - 2) * unit, x + 10 * unit, y + (7 * row + 2) * unit),
            2 * unit, 2 * unit, paint);
      }
    } else if (number == MainActivity.RUN) {
      canvas.drawCircle(x, y, 10 * unit, paint);
      canvas.drawLine(x - 3 * unit, y - 5 * unit, x - 3 * unit, y + 5 * unit, paint);
      canvas.drawLine(x - 3 * unit, y - 5 * unit, x + 5 * unit, y, paint);
      canvas.drawLine(x - 3 * unit, y + 5 * unit, x + 5 * unit, y, paint);
    } else if (number == MainActivity.RESULTS) {
      float[] heights = {6, 18, 12};
      for (int bar = 0; bar < heights.length; bar++) {
        float left = x + (8 * bar - 10) * unit;
        canvas.drawRect(left, y + (10 - heights[bar]) * unit, left + 4 * unit, y + 10 * unit, paint);
      }
    } else {
      canvas.drawCircle(x, y, 10 * unit, paint);
      canvas.drawLine(x, y - 5 * unit, x, y, paint);
      canvas.drawLine(x, y, x + 4 * unit, y + 3 * unit, paint);
    }
  }
}
