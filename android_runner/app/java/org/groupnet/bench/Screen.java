package org.groupnet.bench;

import android.view.View;
import android.widget.LinearLayout;
import android.widget.ScrollView;

/** One of the app's five screens: a scrolling column that is filled anew whenever something changes. */
abstract class Screen {
  /** Of the column, which stands in the middle of a wider screen. */
  private static final int WIDEST_DP = 640;

  final MainActivity activity;
  final Ui ui;
  private final LinearLayout column;
  private final ScrollView view;

  Screen(MainActivity activity) {
    this.activity = activity;
    ui = new Ui(activity);
    column = ui.column();
    int side = Math.max(ui.px(16), (activity.getResources().getDisplayMetrics().widthPixels - ui.px(WIDEST_DP)) / 2);
    column.setPadding(side, ui.px(16), side, ui.px(24));
    view = new ScrollView(activity);
    view.setFillViewport(true);
    view.addView(column);
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
    fill(column);
  }

  /** Numbers of what is measured now changed, and nothing else. */
  void refreshNumbers() {}

  /** Put the views into the empty column. */
  abstract void fill(LinearLayout column);
}
