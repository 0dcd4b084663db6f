package org.groupnet.bench;

import android.content.Context;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.json.JSONException;
import org.json.JSONObject;

/** The benchmark program: a native executable in the APK that prints a line of JSON whenever it has something to tell. */
final class Program {
  /** Told of each line before the one that was asked for. */
  interface Lines {
    void onLine(JSONObject line) throws JSONException;
  }

  /** Lines are short but for results; more than this is no answer of ours. */
  private static final int MOST_CHARACTERS = 32 << 20;

  private final Context context;
  private Process process;
  private boolean stopped;

  Program(Context context) {
    this.context = context;
  }

  /**
   * Run the program to its end; call it from a thread of its own.
   *
   * @return the line whose event is the one asked for
   * @throws BenchException it cannot be started, fails, or says something else
   */
  JSONObject run(String event, Lines lines, String... arguments) throws BenchException {
    List<String> command = new ArrayList<String>();
    command.add(context.getApplicationInfo().nativeLibraryDir + "/libgroupnet_bench.so");
    command.addAll(Arrays.asList(arguments));
    Process started = start(command);
    drain(started.getErrorStream());
    JSONObject last = null;
    try {
      try {
        BufferedReader reader = new BufferedReader(new InputStreamReader(started.getInputStream(), "UTF-8"));
        for (String line = next(reader); line != null; line = next(reader)) {
          JSONObject told = parse(line);
          String of = told.getString("event");
          if (of.equals(event) || of.equals("error")) last = told;
          else lines.onLine(told);
        }
      } catch (IOException closed) {
        // Stopping the program closes its output under our hands; what it ended with is asked below.
        if (!isStopped()) throw new BenchException(context.getString(R.string.error_start, closed.getMessage()));
      }
      return judge(last, started.waitFor());
    } catch (InterruptedException interrupted) {
      throw new BenchException(context.getString(R.string.error_silent));
    } catch (JSONException wrong) {
      throw unexpected(context, wrong);
    } finally {
      started.destroy();
    }
  }

  /** End the program at once; `run` then fails, and every later `run` too. */
  synchronized void stop() {
    stopped = true;
    if (process != null) process.destroy();
  }

  synchronized boolean isStopped() {
    return stopped;
  }

  static BenchException unexpected(Context context, JSONException wrong) {
    return new BenchException(context.getString(R.string.error_fields, wrong.getMessage()));
  }

  private synchronized Process start(List<String> command) throws BenchException {
    if (stopped) throw new BenchException(context.getString(R.string.run_stopped));
    try {
      process = new ProcessBuilder(command).start();
      process.getOutputStream().close();
      return process;
    } catch (IOException refused) {
      throw new BenchException(context.getString(R.string.error_start, refused.getMessage()));
    }
  }

  private JSONObject judge(JSONObject last, int exitCode) throws BenchException, JSONException {
    if (isStopped()) throw new BenchException(context.getString(R.string.run_stopped));
    if (last != null && "error".equals(last.optString("event", ""))) {
      throw new BenchException(last.getJSONObject("error").getString("message"));
    }
    if (exitCode != 0) throw new BenchException(context.getString(R.string.error_exit, exitCode));
    if (last == null) throw new BenchException(context.getString(R.string.error_silent));
    return last;
  }

  private JSONObject parse(String line) throws BenchException {
    try {
      return new JSONObject(line);
    } catch (JSONException wrong) {
      String shown = line.length() > 80 ? line.substring(0, 80) + "…" : line;
      throw new BenchException(context.getString(R.string.error_json, shown));
    }
  }

  /** As readLine, but without believing that the line ends while there is memory. */
  private static String next(BufferedReader reader) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = reader.read(); c != -1; c = reader.read()) {
      if (c == '\n') return line.toString();
      if (line.length() == MOST_CHARACTERS) throw new IOException("a line without an end");
      line.append((char) c);
    }
    return line.length() == 0 ? null : line.toString();
  }

  /** What goes to its standard error is said in its last line too; unread, it could block the program. */
  private static void drain(final InputStream stream) {
    Thread reader = new Thread("groupnet-stderr") {
      @Override
      public void run() {
        byte[] buffer = new byte[4096];
        try {
          while (stream.read(buffer) != -1) {
            continue;
          }
        } catch (IOException closed) {
          return;
        }
      }
    };
    reader.setDaemon(true);
    reader.start();
  }
}
