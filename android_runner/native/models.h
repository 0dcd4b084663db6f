/* The models inside the executable, and what is known of each beside its code; models.c is generated. */
#ifndef BENCH_MODELS_H
#define BENCH_MODELS_H

#include "groupnet.h"

/* How outputs become a prediction. */
typedef enum {
  READS_NOTHING,
  READS_CLASSES, /* output 0: a logit for each class */
  READS_PIXELS,  /* output 0: logits [1, height, width, classes] */
  READS_FCOS     /* logits [1, places, classes], distances [1, places, 4], centerness [1, places] */
} bench_reading;

/* Where an FCOS detector's predictions stand. */
typedef struct {
  float width, height;  /* of the image in pixels */
  uint32_t places;
  const float *centres; /* x and y of each place */
  uint32_t levels;
  const uint32_t *ends; /* of each level's places */
  float max_iou;        /* two boxes of one class overlap by no more */
} bench_detector;

typedef struct {
  const groupnet_model *model;
  const char *preparation;       /* what input 0 holds, in words */
  const unsigned char *input;    /* an input ... */
  const unsigned char *expected; /* ... and what PyTorch computes for it: all outputs, float32 */
  const double *tolerances;      /* of each output */
  uint32_t calls;
  const char *const *kernels; /* of each call */
  const char *const *labels;  /* the same in words */
  size_t weights_bytes;
  bench_reading reading;
  const bench_detector *detector; /* NULL unless READS_FCOS */
} bench_model;

extern const bench_model bench_models[];
extern const size_t bench_model_count;

/* How this executable was built. */
extern const char bench_version[], bench_target[], bench_libc[], bench_compiler[];

/* A kind of core by the part number that its maker gave it. */
typedef struct {
  uint32_t implementer, part;
  const char *name;
  int little; /* it executes in order */
} bench_core_part;

extern const bench_core_part bench_core_parts[];
extern const size_t bench_core_part_count;

#endif
