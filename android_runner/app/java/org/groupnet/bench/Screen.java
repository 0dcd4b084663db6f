package org.groupnet.bench;

import android.view.View;
import android.widget.LinearLayout;
import android.widget.ScrollView;

/** One of the app's five screens: a scrolling column that is filled anew whenever something changes. */
abstract class Screen {
  final MainActivity activity;
  final Ui ui;
  private final LinearLayout column;
  private final ScrollView view;

  Screen(MainActivity activity) {
    this.activity = activity;
    ui = new Ui(activity);
    column = ui.column();
    column.setPadding(ui.px(16), ui.px(16), ui.px(16), ui.px(24));
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
