/* Warm-up until it is stable, timed runs, and each kernel's time. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include "session.h"
#include "throttling.h"

typedef struct {
  long warmup_runs;
  bool warmup_stable;
  size_t count; /* of samples; fewer than asked for where it was stopped */
  double *samples;
  double *profile; /* median ms of each call, or NULL */
  bench_watch watch;
} bench_times;

/* Measures as the options say, and tells of it on stdout where they ask for that. */
void take_times(bench_session *session, const bench_options *options, bench_times *times);

void times_end(bench_times *times);

#endif
