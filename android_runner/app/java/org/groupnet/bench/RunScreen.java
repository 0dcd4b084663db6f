package org.groupnet.bench;

import android.graphics.Typeface;
import android.view.Gravity;
import android.view.View;
import android.widget.LinearLayout;
import android.widget.TextView;

/** How the measuring goes: the latency as it comes, and what speaks against it. */
final class RunScreen extends Screen {
  private TextView model;
  private TextView phase;
  private TextView number;
  private TextView temperature;
  private ProgressBar bar;
  private LatencyChart chart;

  RunScreen(MainActivity activity) {
    super(activity);
  }

  @Override
  void fill(LinearLayout column) {
    ui.title(column, R.string.run_title);
    number = null;
    Progress progress = bench().progress();
    if (progress.total == 0) {
      ui.body(ui.card(column), string(R.string.run_idle));
      open(column, R.string.run_choose, MainActivity.MODELS);
      return;
    }
    makeNumbers(ui.card(column));
    refreshNumbers();
    if (!progress.throttled.isEmpty()) ui.notice(column, string(R.string.run_throttled, progress.throttled), false);
    if (progress.background) ui.notice(column, string(R.string.run_background), false);
    for (String failure : progress.failures) ui.notice(column, failure, true);
    if (progress.stopped) ui.notice(column, string(R.string.run_stopped), false);
    if (progress.notKept != null) ui.notice(column, string(R.string.run_not_kept, progress.notKept), true);
    if (progress.active) {
      int label = progress.stopping ? R.string.run_stopping : R.string.run_stop;
      View stop = ui.button(column, string(label), true, new View.OnClickListener() {
        @Override
        public void onClick(View view) {
          bench().stop();
        }
      });
      if (progress.stopping) ui.disable(stop);
    } else {
      if (progress.finished) open(column, R.string.run_see, MainActivity.RESULTS);
      open(column, R.string.run_choose, MainActivity.MODELS);
    }
  }

  private void makeNumbers(LinearLayout card) {
    model = ui.heading(card, "");
    phase = ui.caption(card, "");
    number = ui.text(card, "", Ui.NUMBER_SP, R.color.primary);
    number.setTypeface(Typeface.create("sans-serif-light", Typeface.NORMAL));
    number.setGravity(Gravity.CENTER_HORIZONTAL);
    number.setPadding(0, ui.px(12), 0, 0);
    ui.below(number, 0);
    TextView under = ui.caption(card, string(R.string.run_last));
    under.setGravity(Gravity.CENTER_HORIZONTAL);
    ui.below(under, 12);
    bar = new ProgressBar(activity);
    card.addView(bar);
    ui.below(bar, 16);
    chart = new LatencyChart(activity);
    card.addView(chart);
    temperature = ui.caption(card, "");
    temperature.setPadding(0, ui.px(8), 0, 0);
  }

  /** Views stay the same meanwhile, or the finger on "Stop" would lose its button. */
  @Override
  void refreshNumbers() {
    if (number == null) return;
    Progress progress = bench().progress();
    int ended = progress.stopped ? R.string.run_stopped_short : R.string.run_done;
    model.setText(string(R.string.run_model, progress.model, progress.index + 1, progress.total));
    phase.setText(progress.active ? phase(progress) : string(ended));
    boolean known = !Double.isNaN(progress.lastMs);
    number.setText(known ? string(R.string.run_ms, Format.ms(progress.lastMs)) : "…");
    bar.show(progress.share());
    chart.show(progress.samples);
    boolean warm = !Double.isNaN(progress.celsius);
    temperature.setVisibility(warm ? View.VISIBLE : View.GONE);
    String celsius = string(R.string.celsius, progress.celsius);
    temperature.setText(string(R.string.device_processor) + " " + celsius);
  }

  private String phase(Progress progress) {
    if (progress.phase.equals("check")) return string(R.string.phase_check);
    if (progress.phase.equals("warmup")) return string(R.string.phase_warmup, progress.done);
    if (progress.phase.equals("run")) return string(R.string.phase_run, progress.done, progress.of);
    if (progress.phase.equals("profile")) return string(R.string.phase_profile);
    if (progress.phase.equals("image")) return string(R.string.phase_images, progress.done, progress.of);
    return string(R.string.phase_start);
  }

  private void open(LinearLayout column, int label, final int screen) {
    ui.button(column, string(label), screen == MainActivity.RESULTS, new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        activity.open(screen);
      }
    });
  }
}
