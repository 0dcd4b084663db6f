package org.groupnet.bench;

import android.view.View;
import android.view.ViewGroup;
import android.widget.LinearLayout;
import android.widget.ScrollView;

/** One of the app's five screens: a scrolling column, filled anew whenever something changes, and what stays in sight. */
abstract class Screen {
  /** Of the column, which stands in the middle of a wider screen. */
  private static final int WIDEST_DP = 640;

  final MainActivity activity;
  final Ui ui;
  private final LinearLayout column;
  private final LinearLayout footer;
  private final LinearLayout view;
  private final int side;

  Screen(MainActivity activity) {
    this.activity = activity;
    ui = new Ui(activity);
    column = ui.column();
    side = Math.max(ui.px(16), (activity.getResources().getDisplayMetrics().widthPixels - ui.px(WIDEST_DP)) / 2);
    column.setPadding(side, ui.px(16), side, ui.px(24));
    ScrollView scroll = new ScrollView(activity);
    scroll.setFillViewport(true);
    scroll.addView(column);
    footer = ui.column();
    view = ui.column();
    view.addView(scroll);
    scroll.setLayoutParams(new LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, 0, 1));
    view.addView(footer);
  }

  View view() {
    return view;
  }

  Bench bench() {
    return Bench.of(activity);
  }

  String string(int id, Object... arguments) {
    return activity.getString(id, arguments);
  }

  /** Show how things are now. */
  void refresh() {
    column.removeAllViews();
    footer.removeAllViews();
    footer.setPadding(0, 0, 0, 0);
    fill(column);
  }

  /** Where a button stands that is always in sight, however long the column is. */
  LinearLayout footer() {
    footer.setPadding(side, ui.px(12), side, 0);
    return footer;
  }

  /** Numbers of what is measured now changed, and nothing else. */
  void refreshNumbers() {}

  /** Put the views into the empty column. */
  abstract void fill(LinearLayout column);
}
