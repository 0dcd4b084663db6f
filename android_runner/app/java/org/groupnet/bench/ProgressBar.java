package org.groupnet.bench;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.RectF;
import android.view.View;

/** A bar that is filled to a share between 0 and 1. */
final class ProgressBar extends View {
  private float share;
  private final Ui ui;

  ProgressBar(Context context) {
    super(context);
    ui = new Ui(context);
  }

  void show(float filled) {
    share = filled;
    setContentDescription(Math.round(share * 100) + " %");
    invalidate();
  }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    setMeasuredDimension(MeasureSpec.getSize(widthSpec), ui.px(10));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    float height = getHeight();
    paint.setColor(getContext().getColor(R.color.outline));
    canvas.drawRoundRect(new RectF(0, 0, getWidth(), height), height / 2, height / 2, paint);
    paint.setColor(getContext().getColor(R.color.primary));
    float width = Math.max(height, getWidth() * share);
    canvas.drawRoundRect(new RectF(0, 0, width, height), height / 2, height / 2, paint);
  }
}
