package org.groupnet.bench;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.view.View;

/** A round mark, ticked or empty; its card says in words which. */
final class CheckMark extends View {
  private static final float SIZE_DP = 28;

  private final boolean ticked;
  private final Ui ui;

  CheckMark(Context context, boolean ticked) {
    super(context);
    this.ticked = ticked;
    ui = new Ui(context);
    setImportantForAccessibility(IMPORTANT_FOR_ACCESSIBILITY_NO);
  }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    setMeasuredDimension(ui.px(SIZE_DP), ui.px(SIZE_DP));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    float half = getWidth() / 2f;
    float unit = getWidth() / SIZE_DP;
    paint.setColor(getContext().getColor(ticked ? R.color.primary : R.color.text_secondary));
    paint.setStyle(ticked ? Paint.Style.FILL : Paint.Style.STROKE);
    paint.setStrokeWidth(2 * unit);
    canvas.drawCircle(half, half, half - 2 * unit, paint);
    if (!ticked) return;
    paint.setColor(getContext().getColor(R.color.on_primary));
    paint.setStrokeWidth(3 * unit);
    canvas.drawLine(8 * unit, 14.5f * unit, 12.5f * unit, 19 * unit, paint);
    canvas.drawLine(11.7f * unit, 19 * unit, 20 * unit, 10 * unit, paint);
  }
}
