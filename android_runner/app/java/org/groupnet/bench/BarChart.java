package org.groupnet.bench;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.RectF;
import android.view.View;
import java.util.List;

/** One bar a name, the value written behind it; bars start at 0. */
final class BarChart extends View {
  /** Heights are of type, which may be bigger than usual. */
  private static final float ROW_SP = 58;

  private final List<String> names;
  private final List<Double> values;
  private final Ui ui;

  BarChart(Context context, String title, List<String> names, List<Double> values) {
    super(context);
    this.names = names;
    this.values = values;
    ui = new Ui(context);
    StringBuilder spoken = new StringBuilder(title);
    for (int i = 0; i < names.size(); i++) spoken.append(", ").append(names.get(i)).append(" ").append(Format.ms(values.get(i)));
    setContentDescription(spoken);
  }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    setMeasuredDimension(MeasureSpec.getSize(widthSpec), Math.round(ui.sp(ROW_SP * names.size())));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
    double most = 0;
    for (double value : values) most = Math.max(most, value);
    float room = getWidth() - ui.sp(76);
    for (int i = 0; i < names.size(); i++) {
      float top = ui.sp(ROW_SP * i);
      float length = most > 0 ? Math.max(ui.px(4), (float) (room * values.get(i) / most)) : ui.px(4);
      paint.setTextSize(ui.sp(Ui.CAPTION_SP));
      paint.setColor(getContext().getColor(R.color.text_secondary));
      canvas.drawText(names.get(i), 0, top + ui.sp(18), paint);
      paint.setColor(getContext().getColor(R.color.primary));
      canvas.drawRoundRect(new RectF(0, top + ui.sp(26), length, top + ui.sp(46)), ui.px(6), ui.px(6), paint);
      paint.setColor(getContext().getColor(R.color.text));
      paint.setTextSize(ui.sp(Ui.BODY_SP));
      canvas.drawText(Format.ms(values.get(i)), length + ui.px(8), top + ui.sp(42), paint);
    }
  }
}
