package org.groupnet.bench;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;
import android.view.ViewGroup;
import android.view.WindowManager;
import android.widget.FrameLayout;
import android.widget.LinearLayout;
import java.io.IOException;
import java.io.OutputStream;

/** The one activity: a screen, and below it the bar to choose another. */
public final class MainActivity extends Activity implements Bench.Listener {
  static final int DEVICE = 0;
  static final int MODELS = 1;
  static final int RUN = 2;
  static final int RESULTS = 3;
  static final int HISTORY = 4;

  private static final int[] NAMES = {
    R.string.tab_device, R.string.tab_models, R.string.tab_run, R.string.tab_results, R.string.tab_history,
  };
  private static final int SAVE_REQUEST = 1;
  private static final String SCREEN = "screen";

  private final Choice choice = new Choice();
  private final Tab[] tabs = new Tab[NAMES.length];
  private Screen[] screens;
  private FrameLayout frame;
  private int current;
  private String note;

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    if (state != null) {
      current = Math.max(DEVICE, Math.min(HISTORY, state.getInt(SCREEN, DEVICE)));
      choice.restore(state);
    }
    screens = new Screen[] {
      new DeviceScreen(this), new ModelsScreen(this, choice), new RunScreen(this), new ResultsScreen(this),
      new HistoryScreen(this),
    };
    setContentView(layout());
    if (Bench.of(this).models() == null) Bench.of(this).look();
  }

  @Override
  protected void onStart() {
    super.onStart();
    Bench.of(this).setListener(this);
    Bench.of(this).setInBackground(false);
    open(current);
  }

  @Override
  protected void onStop() {
    super.onStop();
    Bench.of(this).setListener(null);
    if (!isChangingConfigurations()) Bench.of(this).setInBackground(true);
  }

  @Override
  protected void onSaveInstanceState(Bundle state) {
    super.onSaveInstanceState(state);
    state.putInt(SCREEN, current);
    choice.save(state);
  }

  @Override
  public void onBackPressed() {
    if (current == DEVICE) super.onBackPressed();
    else open(DEVICE);
  }

  @Override
  public void onBenchChanged(boolean all) {
    keepScreenOn();
    if (all) screens[current].refresh();
    else screens[current].refreshNumbers();
  }

  /** Show another screen. */
  void open(int screen) {
    if (screen != current) note = null;
    current = screen;
    for (int i = 0; i < tabs.length; i++) tabs[i].choose(i == screen);
    frame.removeAllViews();
    frame.addView(screens[screen].view());
    screens[screen].refresh();
    keepScreenOn();
  }

  /** Said above the results, after saving them; null where there is nothing to say. */
  String note() {
    return note;
  }

  /** Let the user choose what to send the record to. */
  void share(Record record) {
    Intent send = new Intent(Intent.ACTION_SEND);
    send.setType("text/plain");
    send.putExtra(Intent.EXTRA_SUBJECT, record.fileName());
    send.putExtra(Intent.EXTRA_TEXT, record.text());
    startActivity(Intent.createChooser(send, getString(R.string.results_share)));
  }

  /** Let the user choose where the record is written to. */
  void save(Record record) {
    Intent create = new Intent(Intent.ACTION_CREATE_DOCUMENT);
    create.addCategory(Intent.CATEGORY_OPENABLE);
    create.setType("application/json");
    create.putExtra(Intent.EXTRA_TITLE, "groupnet-" + record.fileName());
    startActivityForResult(create, SAVE_REQUEST);
  }

  @Override
  protected void onActivityResult(int request, int result, Intent data) {
    super.onActivityResult(request, result, data);
    Record record = Bench.of(this).record();
    if (request != SAVE_REQUEST || result != RESULT_OK || data == null) return;
    try {
      // Android may have ended the app while the user looked for a place.
      if (record == null) throw new IOException(getString(R.string.results_none));
      OutputStream out = getContentResolver().openOutputStream(data.getData(), "wt");
      if (out == null) throw new IOException("no such place");
      try {
        out.write(record.text().getBytes("UTF-8"));
      } finally {
        out.close();
      }
      note = getString(R.string.results_saved);
    } catch (IOException full) {
      note = getString(R.string.results_not_saved, full.getMessage());
    }
    screens[current].refresh();
  }

  private void keepScreenOn() {
    if (Bench.of(this).progress().active) getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
    else getWindow().clearFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
  }

  private View layout() {
    Ui ui = new Ui(this);
    LinearLayout root = ui.column();
    root.setFitsSystemWindows(true);
    root.setBackgroundColor(getColor(R.color.background));
    frame = new FrameLayout(this);
    root.addView(frame);
    frame.setLayoutParams(new LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, 0, 1));
    LinearLayout bar = ui.row(root);
    bar.setBackgroundColor(getColor(R.color.bar));
    for (int i = 0; i < NAMES.length; i++) {
      final int screen = i;
      String name = getString(NAMES[i]);
      tabs[i] = new Tab(this, i, name, getString(R.string.tab_description, name, i + 1, NAMES.length));
      tabs[i].setBackground(ui.touchable(null));
      tabs[i].setOnClickListener(new View.OnClickListener() {
        @Override
        public void onClick(View view) {
          open(screen);
        }
      });
      bar.addView(tabs[i]);
      ui.weighted(tabs[i], 1);
    }
    return root;
  }
}
