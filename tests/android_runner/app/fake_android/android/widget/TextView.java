package android.widget;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.Typeface;
import android.util.DisplayMetrics;
import android.view.View;
import java.util.ArrayList;
import java.util.List;

/** Text in lines of words; what is wider than a line is broken anywhere. */
public class TextView extends View {
  public CharSequence text = "";
  protected int gravity;
  private final Paint paint = new Paint(1);
  private float size;
  private List<String> lines = new ArrayList<String>();

  public TextView(Context context) {
    super(context);
    setTextSize(14);
  }

  public void setAllCaps(boolean caps) {}
  public void setGravity(int gravity) { this.gravity = gravity; }
  public final void setText(CharSequence text) {
    if (text == null) throw new NullPointerException("no text");
    this.text = text;
  }
  public void setTextColor(int color) { paint.setColor(color); }
  public void setTextSize(float sp) {
    size = sp * DisplayMetrics.ONE.scaledDensity;
    paint.setTextSize(size);
  }
  public void setTypeface(Typeface typeface) { paint.setTypeface(typeface); }

  @Override
  protected void onMeasure(int widthSpec, int heightSpec) {
    int room = MeasureSpec.getSize(widthSpec) - padLeft - padRight;
    lines = broken(Math.max(1, room));
    float widest = 0;
    for (String line : lines) widest = Math.max(widest, paint.measureText(line));
    int own = Math.max(leastWidth, (int) Math.ceil(widest) + padLeft + padRight);
    boolean exact = MeasureSpec.mode(widthSpec) == MeasureSpec.EXACTLY;
    int high = Math.round(lines.size() * size * 1.25f) + padTop + padBottom;
    setMeasuredDimension(exact ? MeasureSpec.getSize(widthSpec) : own, Math.max(leastHeight, high));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    float high = lines.size() * size * 1.25f;
    float y = (gravity & 16) != 0 ? (getHeight() - high) / 2 : padTop;
    for (String line : lines) {
      float room = getWidth() - padLeft - padRight - paint.measureText(line);
      float shift = (gravity & 7) == 1 ? room / 2 : (gravity & 7) == 5 ? room : 0;
      canvas.drawText(line, padLeft + shift, y + size * 0.98f, paint);
      y += size * 1.25f;
    }
  }

  private List<String> broken(float room) {
    List<String> made = new ArrayList<String>();
    for (String paragraph : text.toString().split("\n", -1)) {
      String line = "";
      for (String word : paragraph.split(" ", -1)) {
        String longer = line.isEmpty() ? word : line + " " + word;
        if (paint.measureText(longer) <= room || line.isEmpty()) {
          line = longer;
        } else {
          made.add(line);
          line = word;
        }
        while (paint.measureText(line) > room && line.length() > 1) {
          int fits = line.length() - 1;
          while (fits > 1 && paint.measureText(line.substring(0, fits)) > room) fits--;
          made.add(line.substring(0, fits));
          line = line.substring(fits);
        }
      }
      made.add(line);
    }
    return made;
  }
}
