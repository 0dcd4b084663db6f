package org.groupnet.bench;

import android.view.View;
import android.widget.LinearLayout;
import java.io.IOException;
import java.util.List;
import org.json.JSONException;

/** The records kept on this phone, the newest first. */
final class HistoryScreen extends Screen {
  /** Older ones stay in their files. */
  private static final int MOST = 50;

  HistoryScreen(MainActivity activity) {
    super(activity);
  }

  @Override
  void fill(LinearLayout column) {
    ui.title(column, R.string.history_title);
    History history = new History(activity);
    List<String> names = history.names();
    if (names.isEmpty()) ui.body(ui.card(column), string(R.string.history_none));
    for (String name : names.subList(0, Math.min(MOST, names.size()))) {
      try {
        entry(column, history.read(name));
      } catch (JSONException wrong) {
        ui.notice(column, string(R.string.history_bad, name, wrong.getMessage()), true);
      } catch (IOException unreadable) {
        ui.notice(column, string(R.string.history_bad, name, unreadable.getMessage()), true);
      }
    }
  }

  private void entry(LinearLayout column, final Record record) throws JSONException {
    List<Record.Timing> timings = record.timings();
    double fastest = Double.POSITIVE_INFINITY;
    for (Record.Timing timing : timings) fastest = Math.min(fastest, timing.p50);
    String time = record.shownTime();
    LinearLayout card = ui.card(column);
    card.setBackground(ui.touchable(ui.shape(R.color.card, 20, true)));
    ui.heading(card, time);
    String shown = timings.isEmpty() ? "0" : Format.ms(fastest);
    ui.caption(card, string(R.string.history_line, timings.size(), shown));
    card.setContentDescription(string(R.string.history_open, time));
    card.setOnClickListener(new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        bench().show(record);
        activity.open(MainActivity.RESULTS);
      }
    });
  }
}
