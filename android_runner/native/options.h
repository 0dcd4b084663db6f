/* What the command line asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>

typedef enum { ASK_LIST, ASK_DEVICE, ASK_TIMES, ASK_IMAGE, ASK_BATCH } bench_request;

typedef struct {
  bench_request request;
  const char *model;
  long runs;
  long warmup; /* below 0: until it is stable */
  unsigned threads;
  const char *cores;   /* NULL: the system decides */
  const char *path;    /* of the image or the batch */
  const char *outputs; /* NULL: not written */
  const char *root;    /* where /proc and /sys are; "" usually */
  bool profile;
  bool progress;
} bench_options;

/* Ends the program where the command line makes no sense, or asks for help. */
bench_options read_options(int count, char **words);

#endif
