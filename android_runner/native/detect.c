/* Scores, boxes and their suppression. */
#include "detect.h"

#include <math.h>
#include <stdlib.h>

#include "failure.h"
#include "predict.h"

enum { MOST_OF_LEVEL = 1000, MOST_BOXES = 100 };

static const float LEAST_SCORE = 0.05f;

typedef struct {
  float score;
  uint32_t place, label;
  float box[4];
} candidate;

/* By falling score, then in the order of the outputs. */
static int compare(const void *a, const void *b) {
  const candidate *left = a, *right = b;
  if (left->score != right->score) {
    return left->score > right->score ? -1 : 1;
  }
  if (left->place != right->place) {
    return left->place < right->place ? -1 : 1;
  }
  return left->label < right->label ? -1 : left->label > right->label;
}

static float between(float value, float most) { return value < 0 ? 0 : value > most ? most : value; }

static void decode_box(const bench_detector *detector, const float *distances, candidate *one) {
  const float *centre = detector->centres + 2 * one->place, *distance = distances + 4 * one->place;
  one->box[0] = between(centre[0] - distance[0], detector->width);
  one->box[1] = between(centre[1] - distance[1], detector->height);
  one->box[2] = between(centre[0] + distance[2], detector->width);
  one->box[3] = between(centre[1] + distance[3], detector->height);
}

static float area(const float *box) { return (box[2] - box[0]) * (box[3] - box[1]); }

static float iou(const float *a, const float *b) {
  float width = fminf(a[2], b[2]) - fmaxf(a[0], b[0]), height = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
  float both = width > 0 && height > 0 ? width * height : 0;
  float either = area(a) + area(b) - both;
  return both / (either > 0 ? either : 1);
}

/* The best of each level; how many. */
static size_t gather(const bench_detector *detector, const float *outputs, uint32_t classes, candidate *found) {
  const float *distances = outputs + (size_t)detector->places * classes;
  const float *centerness = distances + (size_t)detector->places * 4;
  size_t kept = 0;
  uint32_t place = 0;
  for (uint32_t level = 0; level < detector->levels; ++level) {
    size_t end = kept;
    for (; place < detector->ends[level]; ++place) {
      for (uint32_t label = 0; label < classes; ++label) {
        float logit = outputs[(size_t)place * classes + label];
        candidate one = {sqrtf(sigmoid(logit) * sigmoid(centerness[place])), place, label, {0, 0, 0, 0}};
        if (one.score > LEAST_SCORE) {
          decode_box(detector, distances, &one);
          found[end++] = one;
        }
      }
    }
    qsort(found + kept, end - kept, sizeof *found, compare);
    kept = end - kept > MOST_OF_LEVEL ? kept + MOST_OF_LEVEL : end;
  }
  return kept;
}

/* Keeps the best of those that overlap; how many. */
static size_t suppress(candidate *found, size_t count, float max_iou) {
  size_t kept = 0;
  for (size_t i = 0; i < count && kept < MOST_BOXES; ++i) {
    bool covered = false;
    for (size_t j = 0; j < kept && !covered; ++j) {
      covered = found[j].label == found[i].label && iou(found[j].box, found[i].box) > max_iou;
    }
    if (!covered) {
      found[kept++] = found[i];
    }
  }
  return kept;
}

void write_boxes(const bench_model *model, const float *outputs, json_writer *json) {
  const bench_detector *detector = model->detector;
  uint32_t classes = (uint32_t)groupnet_describe(model->model)->outputs[0].shape[2];
  candidate *found = allocate((size_t)detector->places * classes * sizeof *found);
  size_t count = gather(detector, outputs, classes, found);
  qsort(found, count, sizeof *found, compare);
  count = suppress(found, count, detector->max_iou);
  json_array(json, "boxes");
  for (size_t i = 0; i < count; ++i) {
    json_object(json, NULL);
    json_integer(json, "index", found[i].label);
    json_string(json, "label", class_label(model, found[i].label));
    json_number(json, "score", (double)found[i].score);
    json_array(json, "box");
    for (int side = 0; side < 4; ++side) {
      json_number(json, NULL, (double)found[i].box[side]);
    }
    json_end(json);
    json_end(json);
  }
  json_end(json);
  free(found);
}
