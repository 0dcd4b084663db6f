package org.groupnet.bench;

import android.content.Context;
import android.view.Gravity;
import android.view.View;
import android.view.ViewGroup;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The part of the results that shows a test set: its score, and each picture with what the model says of it. */
final class Pictures {
  private final Context context;
  private final Ui ui;
  /** Whom the pictures are by, each once: several sets may have the same backgrounds. */
  private final Set<String> credits = new LinkedHashSet<String>();

  Pictures(Context context) {
    this.context = context;
    ui = new Ui(context);
  }

  /** Add the card of one entry of a record's `test_sets`. */
  void add(LinearLayout column, JSONObject score) throws BenchException, JSONException {
    LinearLayout card = ui.card(column);
    ui.heading(card, score.getString("model"));
    ui.caption(card, context.getString(R.string.results_accuracy));
    ui.body(card, sentence(score)).setPadding(0, 0, 0, ui.px(10));
    TestSet set = TestSet.of(context, score.getString("model"));
    // A record of another version of the app may have been made with pictures that this one lacks.
    if (set == null || !set.task.equals(score.getString("task"))) return;
    JSONArray predictions = score.getJSONArray("predictions");
    int across = set.task.equals("classification") ? 4 : 2;
    LinearLayout row = card;
    int count = Math.min(predictions.length(), set.truths.size());
    for (int i = 0; i < (count + across - 1) / across * across; i++) {
      if (i % across == 0) {
        row = ui.row(card);
        row.setGravity(Gravity.TOP);
      }
      LinearLayout cell = ui.column();
      cell.setPadding(ui.px(3), ui.px(3), ui.px(3), ui.px(8));
      row.addView(cell);
      ui.weighted(cell, 1);
      if (i < count) fill(cell, set, i, predictions.getJSONObject(i));
    }
    if (set.task.equals("segmentation")) legend(card, set.labels.subList(1, set.labels.size()));
    if (set.task.equals("detection")) legend(card, set.labels);
    credits.addAll(set.credits);
  }

  /** Add whom the pictures are by. */
  void addCredits(LinearLayout column) {
    if (credits.isEmpty()) return;
    LinearLayout card = ui.card(column);
    ui.heading(card, context.getString(R.string.results_credits));
    for (String author : credits) ui.caption(card, author).setPadding(0, 0, 0, ui.px(6));
  }

  /** What the colors of boxes and masks mean. */
  private void legend(LinearLayout card, List<String> names) {
    LinearLayout row = card;
    for (int i = 0; i < names.size(); i++) {
      if (i % 4 == 0) row = ui.row(card);
      TextView name = ui.text(row, names.get(i), Ui.CAPTION_SP - 2, R.color.mask_text);
      name.setBackground(ui.filled(PictureView.color(i), 8));
      name.setGravity(Gravity.CENTER_HORIZONTAL);
      name.setPadding(0, ui.px(3), 0, ui.px(3));
      LinearLayout.LayoutParams parameters = new LinearLayout.LayoutParams(0, ViewGroup.LayoutParams.WRAP_CONTENT, 1);
      parameters.setMargins(ui.px(2), ui.px(2), ui.px(2), ui.px(2));
      name.setLayoutParams(parameters);
    }
  }

  /** The score in words. */
  private String sentence(JSONObject score) throws JSONException {
    int images = score.getInt("images");
    if (score.getString("task").equals("classification")) {
      return context.getString(R.string.results_score_classification, score.getInt("right"), images);
    }
    if (score.getString("task").equals("detection")) {
      int found = score.getInt("found");
      return context.getString(R.string.results_score_detection, found, score.getInt("objects"), score.getInt("extra"));
    }
    String percent = String.format("%.1f", 100 * score.getDouble("mean_iou"));
    return context.getString(R.string.results_score_segmentation, percent, images);
  }

  private void fill(LinearLayout cell, TestSet set, int index, JSONObject prediction)
      throws BenchException, JSONException {
    PictureView picture = new PictureView(context, set, set.pixels(index), prediction);
    cell.addView(picture);
    String says;
    boolean right = true;
    if (set.task.equals("classification")) {
      JSONObject top = Score.topClass(prediction);
      int truth = set.truths.get(index).getInt("class");
      right = top.getInt("index") == truth;
      int percent = (int) Math.round(100 * top.getDouble("score"));
      says = context.getString(R.string.results_predicted, label(set, top.getInt("index")), percent);
      if (!right) says += "\n" + context.getString(R.string.results_truth, label(set, truth));
    } else if (set.task.equals("detection")) {
      says = named(set, prediction.getJSONArray("boxes"));
    } else {
      says = named(set, Score.mask(prediction.getJSONArray("runs"), set.height * set.width));
    }
    TextView text = ui.text(cell, says, Ui.CAPTION_SP, right ? R.color.text : R.color.error);
    text.setGravity(Gravity.CENTER_HORIZONTAL);
    ui.below(text, 0);
    picture.setContentDescription(set.name + ": " + says);
    text.setImportantForAccessibility(View.IMPORTANT_FOR_ACCESSIBILITY_NO);
  }

  /** The classes of the boxes that are shown, the surest first. */
  private String named(TestSet set, JSONArray boxes) throws JSONException {
    Map<String, Integer> counts = new LinkedHashMap<String, Integer>();
    for (int i = 0; i < boxes.length(); i++) {
      JSONObject box = boxes.getJSONObject(i);
      if (box.getDouble("score") < Score.SHOWN) continue;
      String name = label(set, box.getInt("index"));
      counts.put(name, counts.containsKey(name) ? counts.get(name) + 1 : 1);
    }
    List<String> names = new ArrayList<String>();
    for (Map.Entry<String, Integer> entry : counts.entrySet()) {
      int count = entry.getValue();
      names.add(count == 1 ? entry.getKey() : context.getString(R.string.results_several, count, entry.getKey()));
    }
    return joined(names);
  }

  /** The classes that a mask has, the largest first; class 0 is the background. */
  private String named(TestSet set, int[] mask) {
    final int[] pixels = new int[set.labels.size()];
    List<Integer> classes = new ArrayList<Integer>();
    for (int index : mask) {
      if (index <= 0 || index >= pixels.length) continue;
      if (pixels[index]++ == 0) classes.add(index);
    }
    Collections.sort(classes, new Comparator<Integer>() {
      @Override
      public int compare(Integer a, Integer b) {
        return pixels[b] - pixels[a];
      }
    });
    List<String> names = new ArrayList<String>();
    for (int index : classes) names.add(set.labels.get(index));
    return joined(names);
  }

  private String joined(List<String> names) {
    if (names.isEmpty()) return context.getString(R.string.results_nothing);
    StringBuilder text = new StringBuilder();
    for (String name : names) text.append(text.length() == 0 ? "" : ", ").append(name);
    return text.toString();
  }

  private static String label(TestSet set, int index) {
    return index >= 0 && index < set.labels.size() ? set.labels.get(index) : String.valueOf(index);
  }
}
