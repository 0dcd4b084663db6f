import android.app.Activity;
import android.content.ContextWrapper;
import android.content.Intent;
import android.content.res.Resources;
import android.graphics.Canvas;
import android.net.Uri;
import android.os.Bundle;
import android.os.Handler;
import android.util.DisplayMetrics;
import android.view.View;
import android.view.ViewGroup;
import android.widget.ScrollView;
import android.widget.TextView;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.json.JSONArray;
import org.json.JSONObject;

/** A person at the fake phone: takes commands from stdin, one JSON array a line, and answers each with one line. */
public final class Harness {
  private static final float DENSITY = 2;
  private static int wide = 412, high = 892;
  private static Activity activity;
  private static Bundle saved;

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JSONArray command = new JSONArray(line);
      JSONObject answer = new JSONObject();
      try {
        Object value = obey(command);
        answer.put("value", value instanceof List ? new JSONArray((List<?>) value) : value);
      } catch (Throwable wrong) {
        Throwable cause = wrong.getCause() != null ? wrong.getCause() : wrong;
        cause.printStackTrace();
        answer.put("error", cause.toString());
      }
      out.println(answer);
    }
    System.exit(0);
  }

  private static Object obey(JSONArray command) throws Exception {
    String verb = command.getString(0);
    if (verb.equals("launch")) return launch();
    if (verb.equals("turn")) return turn();
    if (verb.equals("leave")) return call("onStop");
    if (verb.equals("return")) return call("onStart");
    if (verb.equals("kill")) return kill();
    if (verb.equals("back")) { activity.onBackPressed(); return activity.left; }
    if (verb.equals("tap")) return tap(command.getString(1));
    if (verb.equals("texts")) return texts();
    if (verb.equals("await")) return await(command.getString(1), command.getInt(2));
    if (verb.equals("pass")) return pass(command.getInt(1));
    if (verb.equals("picture")) return picture(command.getString(1), command.optBoolean(2));
    if (verb.equals("place")) return place(command.getString(1));
    if (verb.equals("screen")) return new JSONArray().put(wide * DENSITY).put(high * DENSITY);
    if (verb.equals("misplaced")) return misplaced();
    if (verb.equals("night")) return Resources.night = command.getBoolean(1);
    if (verb.equals("font")) return DisplayMetrics.ONE.scaledDensity = (float) (DENSITY * command.getDouble(1));
    if (verb.equals("battery")) return ContextWrapper.batteryTemperature = command.isNull(1) ? null : command.getInt(1);
    if (verb.equals("flags")) return activity.getWindow().flags;
    if (verb.equals("sent")) return sent();
    if (verb.equals("chosen")) return chosen(command.getString(1));
    if (verb.equals("unlabelled")) return unlabelled();
    throw new IllegalArgumentException(verb);
  }

  private static Object launch() throws Exception {
    DisplayMetrics.ONE.density = DENSITY;
    DisplayMetrics.ONE.widthPixels = Math.round(wide * DENSITY);
    if (DisplayMetrics.ONE.scaledDensity == 1) DisplayMetrics.ONE.scaledDensity = DENSITY;
    activity = (Activity) Class.forName("org.groupnet.bench.MainActivity").getDeclaredConstructor().newInstance();
    find("onCreate", Bundle.class).invoke(activity, saved);
    return call("onStart");
  }

  /** As Android does it: the old activity is gone before the new one is made. */
  private static Object turn() throws Exception {
    activity.turning = true;
    saved = new Bundle();
    call("onStop");
    find("onSaveInstanceState", Bundle.class).invoke(activity, saved);
    call("onDestroy");
    int swap = wide;
    wide = high;
    high = swap;
    return launch();
  }

  /** The user wipes the app away; its process is what `launch` goes on in, so only the activity is new. */
  private static Object kill() throws Exception {
    call("onStop");
    call("onDestroy");
    saved = null;
    return launch();
  }

  private static Method find(String name, Class<?>... types) throws Exception {
    for (Class<?> type = activity.getClass(); type != null; type = type.getSuperclass()) {
      try {
        Method method = type.getDeclaredMethod(name, types);
        method.setAccessible(true);
        return method;
      } catch (NoSuchMethodException above) {
        continue;
      }
    }
    throw new NoSuchMethodException(name);
  }

  private static Object call(String name) throws Exception {
    find(name).invoke(activity);
    return true;
  }

  private static Object tap(String what) throws Exception {
    List<View> seen = new ArrayList<View>();
    collect(activity.content, seen);
    for (View view : seen) {
      if (view.listener == null || !label(view).startsWith(what)) continue;
      if (!view.enabled) return "disabled";
      view.listener.onClick(view);
      return "tapped";
    }
    throw new IllegalStateException("nothing to tap is called " + what + ": " + texts());
  }

  private static List<String> texts() {
    List<View> seen = new ArrayList<View>();
    collect(activity.content, seen);
    List<String> texts = new ArrayList<String>();
    for (View view : seen) if (view instanceof TextView) texts.add(((TextView) view).text.toString());
    return texts;
  }

  private static Object await(String what, int seconds) throws Exception {
    long end = System.nanoTime() + seconds * 1000000000L;
    while (System.nanoTime() < end) {
      Handler.runDue();
      for (String text : texts()) if (text.contains(what)) return text;
      Thread.sleep(5);
    }
    throw new IllegalStateException("waited for '" + what + "' and saw " + texts());
  }

  private static Object pass(int milliseconds) throws Exception {
    long end = System.nanoTime() + milliseconds * 1000000L;
    while (System.nanoTime() < end) {
      Handler.runDue();
      Thread.sleep(5);
    }
    return true;
  }

  /** What a screen reader would have nothing to say of: what can be tapped and has no name, drawings without words. */
  private static List<String> unlabelled() {
    List<View> seen = new ArrayList<View>();
    collect(activity.content, seen);
    List<String> found = new ArrayList<String>();
    for (View view : seen) {
      boolean drawing = !(view instanceof TextView) && !(view instanceof ViewGroup) && !view.silent;
      if ((view.listener != null || drawing) && label(view).isEmpty()) found.add(view.getClass().getSimpleName());
    }
    return found;
  }

  private static String label(View view) {
    if (view.description != null) return view.description.toString();
    return view instanceof TextView ? ((TextView) view).text.toString() : "";
  }

  private static void collect(View view, List<View> into) {
    if (view.visibility == View.GONE) return;
    into.add(view);
    if (view instanceof ViewGroup) for (View child : ((ViewGroup) view).children) collect(child, into);
  }

  /** Left, top, right and bottom, on the screen as it is without scrolling, of what is called so. */
  private static Object place(String what) throws Exception {
    measure(Math.round(wide * DENSITY), Math.round(high * DENSITY));
    JSONArray found = place(activity.content, what, 0, 0);
    if (found == null) throw new IllegalStateException("nothing is called " + what + ": " + texts());
    return found;
  }

  private static JSONArray place(View view, String what, int left, int top) {
    int x = left + view.left, y = top + view.top;
    if (view.listener != null && label(view).startsWith(what)) {
      return new JSONArray().put(x).put(y).put(x + view.width).put(y + view.height);
    }
    if (!(view instanceof ViewGroup)) return null;
    for (View child : ((ViewGroup) view).children) {
      JSONArray found = place(child, what, x, y);
      if (found != null) return found;
    }
    return null;
  }

  /** What no reader wants: texts that run into each other, or over the edge of what they are in. */
  private static List<String> misplaced() {
    final double hair = 1;
    Canvas.WRITTEN.clear();
    activity.content.drawOn(page(true).createGraphics());
    List<String> found = new ArrayList<String>();
    for (Canvas.Drawn one : Canvas.WRITTEN) {
      Rectangle2D cut = one.ink.createIntersection(one.seen);
      if (one.ink.getWidth() - cut.getWidth() > hair || one.ink.getHeight() - cut.getHeight() > hair) {
        found.add("cut off: " + one.text);
      }
      for (Canvas.Drawn other : Canvas.WRITTEN) {
        if (other == one) break;
        Rectangle2D both = one.ink.createIntersection(other.ink);
        if (both.getWidth() > hair && both.getHeight() > hair) found.add("over each other: " + one.text + ", " + other.text);
      }
    }
    return found;
  }

  /**
   * Lay the screen out, on an empty page of its size.
   *
   * @param whole as high as what is scrolled, instead of what a phone shows
   */
  private static BufferedImage page(boolean whole) {
    int width = Math.round(wide * DENSITY), height = Math.round(high * DENSITY);
    measure(width, height);
    if (whole) {
      int more = 0;
      List<View> seen = new ArrayList<View>();
      collect(activity.content, seen);
      for (View view : seen) if (view instanceof ScrollView) more = ((ScrollView) view).contentHeight() - view.height;
      height += more;
      measure(width, height);
    }
    return new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
  }

  private static Object picture(String path, boolean whole) throws Exception {
    BufferedImage image = page(whole);
    int width = image.getWidth(), height = image.getHeight();
    activity.content.drawOn(image.createGraphics());
    BufferedImage half = new BufferedImage(width / 2, height / 2, BufferedImage.TYPE_INT_RGB);
    Graphics2D smaller = half.createGraphics();
    // Each pixel is the mean of four: what a phone's finer screen looks like from further away.
    smaller.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    smaller.drawImage(image, 0, 0, width / 2, height / 2, null);
    ImageIO.write(half, "png", new File(path));
    return new JSONArray().put(width / 2).put(height / 2);
  }

  private static void measure(int width, int height) {
    activity.content.measure(View.MeasureSpec.EXACTLY | width, View.MeasureSpec.EXACTLY | height);
    activity.content.layOut();
  }

  private static Object sent() throws Exception {
    JSONArray all = new JSONArray();
    for (Intent intent : Activity.started) {
      all.put(new JSONObject().put("action", intent.action).put("type", intent.type).put("texts", new JSONObject(intent.texts)));
    }
    Activity.started.clear();
    return all;
  }

  private static Object chosen(String path) throws Exception {
    Intent answer = new Intent("");
    answer.data = Uri.of(path);
    call("onStop");
    call("onStart");
    find("onActivityResult", int.class, int.class, Intent.class).invoke(activity, 1, -1, answer);
    return true;
  }
}
