/* Readings of clocks and temperatures, judged. */
#include "throttling.h"

#include <math.h>
#include <stdlib.h>

#include "failure.h"
#include "statistics.h"

enum { FEWEST = 6, REASON_BYTES = 128, ZONES = 128 };

/* Moments of rest and rounding cost less than this; the smallest step of a phone's clocks is larger. */
static const double LESS = 0.95;
/* Where most phones' chips begin to slow down whatever the kernel says. */
static const double HOT_CELSIUS = 90.0;

void watch_read(bench_watch *watch, double elapsed_s) {
  static thermal_zone zones[ZONES];
  bench_clocks *readings = realloc(watch->readings, (watch->count + 1) * sizeof *readings);
  if (readings == NULL) {
    fail("ModelError", "expected memory for a reading of the clocks; the system gave none: end other programs");
  }
  watch->readings = readings;
  bench_clocks *now = &readings[watch->count++];
  now->elapsed_s = elapsed_s;
  now->celsius = cpu_celsius(zones, read_zones(watch->root, zones, ZONES));
  for (size_t i = 0; i < watch->core_count; ++i) {
    now->clocks[i] = read_clock(watch->root, watch->cores[i]);
  }
}

static bool is_told(core_clock clock) { return clock.now_khz > 0 && clock.limit_khz > 0 && clock.max_khz > 0; }

static bool was_capped(const bench_watch *watch, size_t core, char *reason) {
  const core_clock *first = NULL;
  long lowest = 0;
  for (size_t i = 0; i < watch->count; ++i) {
    const core_clock *clock = &watch->readings[i].clocks[core];
    if (is_told(*clock)) {
      lowest = first == NULL || clock->limit_khz < lowest ? clock->limit_khz : lowest;
      first = first == NULL ? clock : first;
    }
  }
  if (first == NULL || (double)lowest >= LESS * (double)first->max_khz) {
    return false;
  }
  snprintf(reason, REASON_BYTES, "core %d was allowed %.2f of %.2f GHz %s", watch->cores[core], (double)lowest / 1e6,
           (double)first->max_khz / 1e6, first->limit_khz == lowest ? "from the start" : "during the run");
  return true;
}

static bool fell(const bench_watch *watch, size_t core, char *reason) {
  /* The first reading is of an idle device. Of the rest, the first third against the last: a clock is read at
   * moments, and a moment of rest must not decide. */
  double *clocks = allocate(watch->count * sizeof *clocks);
  size_t count = 0;
  for (size_t i = 1; i < watch->count; ++i) {
    if (is_told(watch->readings[i].clocks[core])) {
      clocks[count++] = (double)watch->readings[i].clocks[core].now_khz;
    }
  }
  size_t third = count / 3;
  double before = 0, after = 0;
  if (count >= FEWEST) {
    before = median(clocks, third);
    after = median(clocks + count - third, third);
  }
  free(clocks);
  if (after >= LESS * before) {
    return false;
  }
  snprintf(reason, REASON_BYTES, "core %d fell from %.2f to %.2f GHz", watch->cores[core], before / 1e6, after / 1e6);
  return true;
}

void watch_judge(const bench_watch *watch, json_writer *json) {
  char reasons[GROUPNET_MAX_THREADS + 1][REASON_BYTES];
  size_t count = 0;
  double hottest = 0;
  for (size_t i = 0; i < watch->core_count; ++i) {
    if (was_capped(watch, i, reasons[count]) || fell(watch, i, reasons[count])) {
      ++count;
    }
  }
  for (size_t i = 0; i < watch->count; ++i) {
    hottest = watch->readings[i].celsius > hottest ? watch->readings[i].celsius : hottest;
  }
  if (hottest >= HOT_CELSIUS) {
    snprintf(reasons[count++], REASON_BYTES, "the processor reached %.0f \xC2\xB0"
                                             "C",
             hottest);
  }
  json_bool(json, "throttled", count != 0);
  json_array(json, "reasons");
  for (size_t i = 0; i < count; ++i) {
    json_string(json, NULL, reasons[i]);
  }
  json_end(json);
}

void watch_end(bench_watch *watch) {
  free(watch->readings);
  watch->readings = NULL;
}
