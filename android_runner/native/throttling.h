/* Clocks and temperatures over a measurement, and whether the device slowed itself down. */
#ifndef BENCH_THROTTLING_H
#define BENCH_THROTTLING_H

#include "device.h"
#include "groupnet.h"
#include "json.h"

typedef struct {
  double elapsed_s;
  double celsius; /* NAN: not told */
  core_clock clocks[GROUPNET_MAX_THREADS];
} bench_clocks;

typedef struct {
  const char *root;
  size_t core_count;
  int cores[GROUPNET_MAX_THREADS]; /* those in use */
  size_t count;
  bench_clocks *readings;
} bench_watch;

void watch_read(bench_watch *watch, double elapsed_s);

/* Writes `throttled` and `reasons`, with the rules of the host's `throttling.judge`. */
void watch_judge(const bench_watch *watch, json_writer *json);

void watch_end(bench_watch *watch);

#endif
