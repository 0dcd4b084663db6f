/* Classes and masks. */
#include "predict.h"

#include <math.h>
#include <stdlib.h>

#include "detect.h"
#include "failure.h"

enum { SHOWN_CLASSES = 5 };

const char *class_label(const bench_model *model, size_t index) {
  const groupnet_info *info = groupnet_describe(model->model);
  return index < info->label_count ? info->labels[index] : NULL;
}

float sigmoid(float x) { return tanhf(x * 0.5f) * 0.5f + 0.5f; }

static size_t largest(const float *values, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; ++i) {
    best = values[i] > values[best] ? i : best;
  }
  return best;
}

static void write_classes(const bench_model *model, const float *logits, size_t classes, json_writer *json) {
  float top = logits[largest(logits, classes)];
  double *scores = allocate(classes * sizeof *scores), sum = 0;
  for (size_t i = 0; i < classes; ++i) {
    scores[i] = exp((double)logits[i] - (double)top);
    sum += scores[i];
  }
  json_array(json, "classes");
  for (size_t shown = 0; shown < SHOWN_CLASSES && shown < classes; ++shown) {
    size_t best = 0;
    for (size_t i = 1; i < classes; ++i) {
      best = scores[i] > scores[best] ? i : best;
    }
    json_object(json, NULL);
    json_integer(json, "index", (int64_t)best);
    json_string(json, "label", class_label(model, best));
    json_number(json, "score", scores[best] / sum);
    json_end(json);
    scores[best] = -1;
  }
  json_end(json);
  free(scores);
}

static void write_mask(const int64_t *shape, const float *logits, json_writer *json) {
  size_t pixels = (size_t)(shape[1] * shape[2]), classes = (size_t)shape[3], begin = 0;
  json_integer(json, "height", shape[1]);
  json_integer(json, "width", shape[2]);
  json_array(json, "runs");
  size_t running = largest(logits, classes);
  for (size_t i = 1; i <= pixels; ++i) {
    size_t best = i < pixels ? largest(logits + i * classes, classes) : classes;
    if (best != running) {
      json_integer(json, NULL, (int64_t)running);
      json_integer(json, NULL, (int64_t)(i - begin));
      running = best;
      begin = i;
    }
  }
  json_end(json);
}

void write_prediction(const bench_session *session, json_writer *json) {
  const bench_model *model = session->model;
  const groupnet_info *info = groupnet_describe(model->model);
  const float *values = (const float *)(const void *)session->outputs;
  if (model->reading == READS_NOTHING) {
    json_null(json, "prediction");
    return;
  }
  json_object(json, "prediction");
  if (model->reading == READS_CLASSES) {
    write_classes(model, values, info->outputs[0].bytes / sizeof *values, json);
  } else if (model->reading == READS_PIXELS) {
    write_mask(info->outputs[0].shape, values, json);
  } else {
    write_boxes(model, values, json);
  }
  json_end(json);
}
