package org.groupnet.bench;

import android.content.Context;
import android.os.Handler;
import android.os.Looper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import org.json.JSONException;
import org.json.JSONObject;

/** What is measured now, and what was: belongs to the process, so that it outlives a turn of the phone. */
final class Bench {
  interface Listener {
    /** @param all whether more changed than numbers of what is measured now */
    void onBenchChanged(boolean all);
  }

  private static final int RUNS = 30;
  /** Drawing takes time from what is measured, so not on every line. */
  private static final long TELL_EVERY_MS = 100;
  private static Bench instance;

  private final Context context;
  private final Handler main = new Handler(Looper.getMainLooper());
  private Listener listener;
  private boolean told;
  private boolean allChanged;

  // Below: written by the working thread and read by the screen's, so only under this object's lock.
  private Progress progress = new Progress();
  private Program running;
  private JSONObject list;
  private List<Model> models;
  private String listError;
  private boolean listing;
  private boolean inBackground;
  private Record record;

  private Bench(Context context) {
    this.context = context;
  }

  /** The one of this process. */
  static synchronized Bench of(Context context) {
    if (instance == null) instance = new Bench(context.getApplicationContext());
    return instance;
  }

  /** Who is told of changes, on the main thread; null for nobody, as while the phone is turned. */
  synchronized void setListener(Listener listener) {
    this.listener = listener;
  }

  /** Whether the app went to the background, where Android gives it less, or came back. */
  synchronized void setInBackground(boolean hidden) {
    inBackground = hidden;
    if (hidden && progress.active) progress.background = true;
  }

  synchronized Progress progress() {
    return progress.copy();
  }

  /** The models inside the benchmark program; null while that is not known. */
  synchronized List<Model> models() {
    return models;
  }

  /** The device as the benchmark program sees it; null while that is not known. */
  synchronized JSONObject device() {
    return list == null ? null : list.optJSONObject("device");
  }

  /** Why there are no models; null where there is no reason. */
  synchronized String listError() {
    return listError;
  }

  /** The record that is shown; null where there is none. */
  synchronized Record record() {
    return record;
  }

  synchronized void show(Record shown) {
    record = shown;
  }

  /** Ask the benchmark program what is in it, and what the phone is. */
  synchronized void look() {
    if (listing || progress.active) return;
    listing = true;
    new Thread("groupnet-list") {
      @Override
      public void run() {
        lookNow();
      }
    }.start();
  }

  /** Measure models in this order; does nothing while something is measured. */
  synchronized void start(final List<String> names, final String cores, final int threads) {
    if (progress.active || names.isEmpty()) return;
    progress = new Progress();
    progress.active = true;
    progress.total = names.size();
    progress.background = inBackground;
    running = new Program(context);
    final Program program = running;
    final List<String> chosen = new ArrayList<String>(names);
    new Thread("groupnet-bench") {
      @Override
      public void run() {
        measureAll(program, chosen, cores, threads);
      }
    }.start();
    tell(true);
  }

  /** End what is measured; models that were measured already are kept. */
  synchronized void stop() {
    if (!progress.active) return;
    progress.stopping = true;
    running.stop();
    tell(true);
  }

  private void lookNow() {
    Record latest = new History(context).latest();
    JSONObject found = null;
    List<Model> foundModels = null;
    String error = null;
    try {
      found = new Program(context).run("list", NOBODY, "--list");
      foundModels = Model.all(found);
    } catch (BenchException failed) {
      error = failed.getMessage();
    } catch (JSONException wrong) {
      error = Program.unexpected(context, wrong).getMessage();
    }
    synchronized (this) {
      listing = false;
      listError = error;
      if (record == null) record = latest;
      if (error == null) {
        list = found;
        models = foundModels;
      }
      tell(true);
    }
  }

  private void measureAll(Program program, List<String> names, String cores, int threads) {
    Record made = null;
    try {
      made = Record.start(context, new Date());
      for (int i = 0; i < names.size() && !program.isStopped(); i++) {
        synchronized (this) {
          progress.startModel(names.get(i), i);
          tell(true);
        }
        measure(program, made, names.get(i), cores, threads);
      }
    } catch (JSONException wrong) {
      fail(Program.unexpected(context, wrong).getMessage());
    }
    finish(made, program.isStopped());
  }

  private void measure(Program program, Record made, String name, String cores, int threads) throws JSONException {
    List<String> arguments = new ArrayList<String>();
    add(arguments, "--model", name, "--progress", "--profile", "--runs", String.valueOf(RUNS));
    add(arguments, "--threads", String.valueOf(threads));
    if (!cores.isEmpty()) add(arguments, "--cores", cores);
    try {
      JSONObject result = program.run("result", progressLines(), arguments.toArray(new String[0]));
      new Record.Timing(result);
      made.json.getJSONArray("results").put(result);
      TestSet set = TestSet.of(context, name);
      if (set == null) return;
      String folder = set.unpack().getPath();
      JSONObject batch = program.run("result", progressLines(), "--model", name, "--batch", folder, "--progress");
      made.json.getJSONArray("test_sets").put(Score.of(set, batch));
    } catch (BenchException failed) {
      failed(program, made, name, failed.getMessage());
    } catch (JSONException wrong) {
      failed(program, made, name, Program.unexpected(context, wrong).getMessage());
    }
  }

  private void failed(Program program, Record made, String name, String sentence) throws JSONException {
    if (program.isStopped()) return;
    made.json.getJSONArray("failures").put(new JSONObject().put("model", name).put("message", sentence));
    fail(context.getString(R.string.run_failed, name, sentence));
  }

  private synchronized void fail(String sentence) {
    progress.failures.add(sentence);
    tell(true);
  }

  private void finish(Record made, boolean stopped) {
    String notKept = null;
    boolean measured = made != null && made.json.optJSONArray("results").length() > 0;
    if (measured) {
      try {
        made.json.put("background", progress().background);
        new History(context).keep(made);
      } catch (IOException full) {
        notKept = String.valueOf(full.getMessage());
      } catch (JSONException impossible) {
        throw new IllegalStateException(impossible);
      }
    }
    synchronized (this) {
      if (measured) record = made;
      progress.active = false;
      progress.stopping = false;
      progress.stopped = stopped;
      progress.finished = measured;
      progress.notKept = notKept;
      running = null;
      tell(true);
    }
  }

  private Program.Lines progressLines() {
    return new Program.Lines() {
      @Override
      public void onLine(JSONObject line) throws JSONException {
        synchronized (Bench.this) {
          String before = progress.throttled;
          if (progress.take(line)) tell(!before.equals(progress.throttled));
        }
      }
    };
  }

  /** Tell the screen once, however often something changes before it comes to look. */
  private synchronized void tell(boolean all) {
    allChanged |= all;
    if (told) return;
    told = true;
    main.postDelayed(new Runnable() {
      @Override
      public void run() {
        Listener to;
        boolean everything;
        synchronized (Bench.this) {
          told = false;
          everything = allChanged;
          allChanged = false;
          to = listener;
        }
        if (to != null) to.onBenchChanged(everything);
      }
    }, TELL_EVERY_MS);
  }

  private static void add(List<String> list, String... more) {
    for (String one : more) list.add(one);
  }

  private static final Program.Lines NOBODY = new Program.Lines() {
    @Override
    public void onLine(JSONObject line) {}
  };
}
