package org.groupnet.bench;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** How many of a test set's pictures a model gets right: classes, boxes or masks. */
final class Score {
  /** Boxes from this score on are drawn and counted. */
  static final double SHOWN = 0.4;
  private static final double SAME_BOX = 0.5;
  private static final int UNKNOWN_CLASS = 255;

  private Score() {}

  /**
   * Score what `--batch` printed.
   *
   * @return name, task, images, and of classification `right`; of detection `objects`, `found`, `extra`; of
   *     segmentation `mean_iou`; and the predictions as they came
   */
  static JSONObject of(TestSet set, JSONObject batch) throws JSONException {
    Map<String, JSONObject> byFile = new HashMap<String, JSONObject>();
    JSONArray images = batch.getJSONArray("images");
    for (int i = 0; i < images.length(); i++) byFile.put(images.getJSONObject(i).getString("file"), images.getJSONObject(i));
    int right = 0;
    int[] boxes = new int[3];
    Overlap overlap = new Overlap(set.labels.size());
    JSONArray predictions = new JSONArray();
    for (int i = 0; i < set.truths.size(); i++) {
      JSONObject image = byFile.get(set.file(i));
      if (image == null) throw new JSONException("no answer for " + set.file(i));
      JSONObject prediction = image.getJSONObject("prediction");
      predictions.put(prediction);
      if (set.task.equals("classification")) {
        right += topClass(prediction).getInt("index") == set.truths.get(i).getInt("class") ? 1 : 0;
      } else if (set.task.equals("detection")) {
        countBoxes(set.truths.get(i).getJSONArray("boxes"), prediction.getJSONArray("boxes"), boxes);
      } else {
        int pixels = set.height * set.width;
        overlap.add(mask(set.truths.get(i).getJSONArray("runs"), pixels), mask(prediction.getJSONArray("runs"), pixels));
      }
    }
    JSONObject score = new JSONObject();
    score.put("model", set.name);
    score.put("task", set.task);
    score.put("images", set.truths.size());
    if (set.task.equals("classification")) score.put("right", right);
    if (set.task.equals("detection")) score.put("objects", boxes[0]).put("found", boxes[1]).put("extra", boxes[2]);
    if (set.task.equals("segmentation")) score.put("mean_iou", overlap.mean());
    return score.put("predictions", predictions);
  }

  static JSONObject topClass(JSONObject prediction) throws JSONException {
    return prediction.getJSONArray("classes").getJSONObject(0);
  }

  /** Undo the run lengths: the class of each pixel. */
  static int[] mask(JSONArray runs, int pixels) throws JSONException {
    int[] classes = new int[pixels];
    int at = 0;
    for (int i = 0; i + 1 < runs.length(); i += 2) {
      int end = at + runs.getInt(i + 1);
      if (end < at || end > pixels) throw new JSONException("a mask of more pixels than the picture has");
      Arrays.fill(classes, at, end, runs.getInt(i));
      at = end;
    }
    if (at != pixels) throw new JSONException("a mask of fewer pixels than the picture has");
    return classes;
  }

  /** Adds to counts: objects, objects found, boxes that are none of them. */
  private static void countBoxes(JSONArray truths, JSONArray boxes, int[] counts) throws JSONException {
    boolean[] taken = new boolean[truths.length()];
    counts[0] += truths.length();
    for (int i = 0; i < boxes.length(); i++) {
      JSONObject box = boxes.getJSONObject(i);
      if (box.getDouble("score") < SHOWN) continue;
      int match = -1;
      double most = SAME_BOX;
      for (int j = 0; j < taken.length; j++) {
        JSONObject truth = truths.getJSONObject(j);
        double overlap = overlap(truth.getJSONArray("box"), box.getJSONArray("box"));
        if (!taken[j] && truth.getInt("index") == box.getInt("index") && overlap >= most) {
          match = j;
          most = overlap;
        }
      }
      if (match >= 0) taken[match] = true;
      counts[match >= 0 ? 1 : 2]++;
    }
  }

  /** Intersection over union of two boxes, each left, top, right, bottom. */
  private static double overlap(JSONArray a, JSONArray b) throws JSONException {
    double width = Math.min(a.getDouble(2), b.getDouble(2)) - Math.max(a.getDouble(0), b.getDouble(0));
    double height = Math.min(a.getDouble(3), b.getDouble(3)) - Math.max(a.getDouble(1), b.getDouble(1));
    if (width <= 0 || height <= 0) return 0;
    return width * height / (area(a) + area(b) - width * height);
  }

  private static double area(JSONArray box) throws JSONException {
    return (box.getDouble(2) - box.getDouble(0)) * (box.getDouble(3) - box.getDouble(1));
  }

  /** Intersection and union of each class over all pictures. */
  private static final class Overlap {
    private final long[] both;
    private final long[] either;

    Overlap(int classes) {
      both = new long[classes];
      either = new long[classes];
    }

    void add(int[] truth, int[] mask) throws JSONException {
      for (int i = 0; i < truth.length; i++) {
        if (truth[i] == UNKNOWN_CLASS) continue;
        if (mask[i] < 0 || mask[i] >= both.length) throw new JSONException("a mask with class " + mask[i]);
        either[truth[i]]++;
        if (truth[i] == mask[i]) both[truth[i]]++;
        else either[mask[i]]++;
      }
    }

    /** Over the classes that occur. */
    double mean() {
      double sum = 0;
      int classes = 0;
      for (int i = 0; i < both.length; i++) {
        if (either[i] == 0) continue;
        sum += (double) both[i] / either[i];
        classes++;
      }
      return classes == 0 ? 0 : sum / classes;
    }
  }
}
