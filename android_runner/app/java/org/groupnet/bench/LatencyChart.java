package org.groupnet.bench;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.view.View;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Each run's latency as a dot, in the order they came, with the median as a line. The axis starts at 0. */
final class LatencyChart extends View {
  private static final float HEIGHT_DP = 170;
  private static final int LEAST_PLACES = 30;

  private List<Double> samples = new ArrayList<Double>();
  private final Ui ui;

  LatencyChart(Context context) {
    super(context);
    ui = new Ui(context);
  }

  void show(List<Double> milliseconds) {
    samples = milliseconds;
    invalidate();
    if (samples.isEmpty()) return;
    String least = Format.ms(Collections.min(samples));
    String most = Format.ms(Collections.max(samples));
    setContentDescription(getContext().getString(R.string.run_chart, samples.size(), least, most));
  }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    setMeasuredDimension(MeasureSpec.getSize(widthSpec), ui.px(HEIGHT_DP));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    float left = ui.sp(62);
    float bottom = getHeight() - ui.px(10);
    float top = ui.px(14);
    paint.setStrokeWidth(ui.px(1));
    paint.setColor(getContext().getColor(R.color.outline));
    canvas.drawLine(left, bottom, getWidth(), bottom, paint);
    if (samples.isEmpty()) return;
    double most = Collections.max(samples);
    List<Double> sorted = new ArrayList<Double>(samples);
    Collections.sort(sorted);
    double median = sorted.get(sorted.size() / 2);
    float scale = (float) ((bottom - top) / (most * 1.05));
    float middle = bottom - (float) median * scale;
    canvas.drawLine(left, middle, getWidth(), middle, paint);
    paint.setColor(getContext().getColor(R.color.text_secondary));
    paint.setTextSize(ui.sp(13));
    paint.setTextAlign(Paint.Align.RIGHT);
    canvas.drawText(Format.ms(median), left - ui.px(6), middle + ui.sp(5), paint);
    if (middle - (bottom - most * scale) > ui.sp(18)) {
      canvas.drawText(Format.ms(most), left - ui.px(6), bottom - (float) most * scale + ui.sp(5), paint);
    }
    canvas.drawText("0", left - ui.px(6), bottom + ui.sp(5), paint);
    paint.setColor(getContext().getColor(R.color.primary));
    float step = (getWidth() - left) / Math.max(LEAST_PLACES, samples.size());
    float radius = Math.min(ui.px(4), Math.max(ui.px(1.5f), step / 2));
    for (int i = 0; i < samples.size(); i++) {
      canvas.drawCircle(left + (i + 0.5f) * step, bottom - samples.get(i).floatValue() * scale, radius, paint);
    }
  }
}
