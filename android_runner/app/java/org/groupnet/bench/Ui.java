package org.groupnet.bench;

import android.content.Context;
import android.content.res.ColorStateList;
import android.graphics.Typeface;
import android.graphics.drawable.Drawable;
import android.graphics.drawable.GradientDrawable;
import android.graphics.drawable.RippleDrawable;
import android.view.Gravity;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.TextView;

/** Makes the views of all screens, in one style: cards on a quiet background, big type, touch targets of 56 dp. */
final class Ui {
  static final int TITLE_SP = 30;
  static final int HEADING_SP = 20;
  static final int BODY_SP = 17;
  static final int CAPTION_SP = 15;
  static final int NUMBER_SP = 52;
  private static final int FILL = ViewGroup.LayoutParams.MATCH_PARENT;
  private static final int WRAP = ViewGroup.LayoutParams.WRAP_CONTENT;

  private final Context context;
  private final float density;

  Ui(Context context) {
    this.context = context;
    density = context.getResources().getDisplayMetrics().density;
  }

  int px(float dp) {
    return Math.round(dp * density);
  }

  /** Text on drawings grows with the user's font size as all other text does. */
  float sp(float size) {
    return size * context.getResources().getDisplayMetrics().scaledDensity;
  }

  LinearLayout column() {
    LinearLayout column = new LinearLayout(context);
    column.setOrientation(LinearLayout.VERTICAL);
    return column;
  }

  TextView text(ViewGroup parent, CharSequence shown, int sp, int color) {
    TextView view = new TextView(context);
    view.setText(shown);
    view.setTextSize(sp);
    view.setTextColor(context.getColor(color));
    parent.addView(view);
    return view;
  }

  TextView title(ViewGroup parent, int text) {
    TextView view = text(parent, context.getString(text), TITLE_SP, R.color.text);
    view.setPadding(px(4), px(8), px(4), px(16));
    return view;
  }

  TextView heading(ViewGroup parent, CharSequence shown) {
    TextView view = text(parent, shown, HEADING_SP, R.color.text);
    view.setTypeface(Typeface.create("sans-serif-medium", Typeface.NORMAL));
    view.setPadding(0, 0, 0, px(8));
    return view;
  }

  TextView body(ViewGroup parent, CharSequence shown) {
    return text(parent, shown, BODY_SP, R.color.text);
  }

  TextView caption(ViewGroup parent, CharSequence shown) {
    return text(parent, shown, CAPTION_SP, R.color.text_secondary);
  }

  /** A card of the whole width; what is put into it stands in a column. */
  LinearLayout card(ViewGroup parent) {
    return card(parent, R.color.card);
  }

  /** A card that says something is wrong, or may be. */
  void notice(ViewGroup parent, CharSequence shown, boolean isError) {
    LinearLayout card = card(parent, isError ? R.color.error_soft : R.color.warning_soft);
    TextView view = text(card, shown, BODY_SP, isError ? R.color.error : R.color.warning);
    view.setAccessibilityLiveRegion(View.ACCESSIBILITY_LIVE_REGION_POLITE);
  }

  private LinearLayout card(ViewGroup parent, int color) {
    LinearLayout card = column();
    card.setBackground(shape(color, 20, color == R.color.card));
    card.setPadding(px(20), px(18), px(20), px(18));
    parent.addView(card);
    below(card, 12);
    return card;
  }

  /** A name at the left, what it is at the right. */
  void fact(ViewGroup parent, String name, CharSequence value) {
    LinearLayout row = row(parent);
    weighted(text(row, name, BODY_SP, R.color.text_secondary), 2);
    weighted(text(row, value, BODY_SP, R.color.text), 3);
    row.setPadding(0, px(5), 0, px(5));
  }

  LinearLayout row(ViewGroup parent) {
    LinearLayout row = new LinearLayout(context);
    row.setOrientation(LinearLayout.HORIZONTAL);
    row.setGravity(Gravity.CENTER_VERTICAL);
    parent.addView(row);
    return row;
  }

  Button button(ViewGroup parent, CharSequence label, boolean filled, View.OnClickListener listener) {
    Button button = new Button(context);
    button.setText(label);
    button.setAllCaps(false);
    button.setTextSize(HEADING_SP - 2);
    button.setTextColor(context.getColor(filled ? R.color.on_primary : R.color.primary));
    button.setBackground(touchable(shape(filled ? R.color.primary : R.color.primary_soft, 28, false)));
    if (!filled) button.setTextColor(context.getColor(R.color.text));
    button.setMinimumHeight(px(56));
    button.setPadding(px(16), 0, px(16), 0);
    button.setOnClickListener(listener);
    parent.addView(button);
    below(button, 12);
    return button;
  }

  void disable(View view) {
    view.setEnabled(false);
    view.setAlpha(0.4f);
  }

  /** One of a few choices that stand in a row. */
  void chip(ViewGroup row, CharSequence label, CharSequence description, boolean chosen, View.OnClickListener listener) {
    Button chip = button(row, label, chosen, listener);
    chip.setTextSize(CAPTION_SP);
    chip.setBackground(touchable(shape(chosen ? R.color.primary : R.color.background, 14, !chosen)));
    chip.setMinimumHeight(px(48));
    chip.setMinimumWidth(0);
    chip.setPadding(px(4), 0, px(4), 0);
    chip.setSelected(chosen);
    chip.setContentDescription(description);
    LinearLayout.LayoutParams parameters = new LinearLayout.LayoutParams(0, WRAP, 1);
    parameters.setMargins(px(3), px(4), px(3), px(4));
    chip.setLayoutParams(parameters);
  }

  Drawable touchable(Drawable shape) {
    return new RippleDrawable(ColorStateList.valueOf(context.getColor(R.color.outline)), shape, null);
  }

  /** A rounded shape of a color that no resource has. */
  GradientDrawable filled(int argb, float radiusDp) {
    GradientDrawable shape = new GradientDrawable();
    shape.setColor(argb);
    shape.setCornerRadius(px(radiusDp));
    return shape;
  }

  GradientDrawable shape(int color, float radiusDp, boolean outlined) {
    GradientDrawable shape = filled(context.getColor(color), radiusDp);
    if (outlined) shape.setStroke(Math.max(1, px(1)), context.getColor(R.color.outline));
    return shape;
  }

  /** The whole width, and space below. */
  void below(View view, float dp) {
    LinearLayout.LayoutParams parameters = new LinearLayout.LayoutParams(FILL, WRAP, 0);
    parameters.setMargins(0, 0, 0, px(dp));
    view.setLayoutParams(parameters);
  }

  /** A share of a row's width. */
  void weighted(View view, float weight) {
    view.setLayoutParams(new LinearLayout.LayoutParams(0, WRAP, weight));
  }
}
