package org.groupnet.bench;

import java.util.ArrayList;
import java.util.List;

/** Where the names of boxes stand: at their boxes, within the picture, none over another. */
final class LabelPlaces {
  private final float width;
  private final float height;
  private final List<float[]> taken = new ArrayList<float[]>();

  LabelPlaces(float width, float height) {
    this.width = width;
    this.height = height;
  }

  /**
   * Find room for a name, and take it.
   *
   * @param box left, top, right, bottom
   * @return left and top of the name; null where every place at the box is taken
   */
  float[] place(float[] box, float wide, float high) {
    float[] tops = {box[1] - high, box[1], box[3], box[3] - high};
    float[] lefts = {box[0], box[2] - wide};
    for (float top : tops) {
      for (float from : lefts) {
        float left = Math.max(0, Math.min(from, width - wide));
        if (wide > width || top < 0 || top + high > height || isTaken(left, top, left + wide, top + high)) continue;
        taken.add(new float[] {left, top, left + wide, top + high});
        return new float[] {left, top};
      }
    }
    return null;
  }

  private boolean isTaken(float left, float top, float right, float bottom) {
    for (float[] other : taken) {
      if (left < other[2] && other[0] < right && top < other[3] && other[1] < bottom) return true;
    }
    return false;
  }
}
