/* A model at work: an instance in memory of its own, tied to cores, timed run by run. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include "device.h"
#include "models.h"
#include "options.h"

typedef struct {
  const bench_model *model;
  groupnet_instance *instance;
  void *memory;
  size_t memory_bytes;
  unsigned threads;
  bool pinned;
  int cores[GROUPNET_MAX_THREADS]; /* where pinned; else where the threads probably are */
  size_t core_count;
  double create_ms;
  double first_run_ms;
  size_t output_bytes; /* of all outputs */
  unsigned char *outputs;
  double *errors; /* of each output, once it is checked */
} bench_session;

/* Ends the program where the model cannot run here. */
void session_open(bench_session *session, const bench_model *model, const bench_options *options,
                  const bench_device *device);

void session_set_input(bench_session *session, const void *input);

/* One run; how long it took in ms. */
double session_run(bench_session *session);

/* One run; adds how long each call took in ms to row `row` of `times`, `rows` entries to a call. */
void session_profile(bench_session *session, double *times, size_t row, size_t rows);

/* Copies the last run's outputs into `outputs`, one behind the other. */
void session_read_outputs(bench_session *session);

void session_close(bench_session *session);

/* Since some moment in the past. */
double now_ms(void);

#endif
