/* How times are taken: the same rules as the host's `sampling`. */
#include "timing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "statistics.h"

enum { SMALLEST_BATCH = 5, LARGEST_BATCH = 200, PROFILE_RUNS = 10, LINES_PER_SECOND = 50 };

/* Clocks take a tenth of a second or two to rise; a model of a millisecond would be done by then. */
static const double WARM_MS = 200, LONGEST_WARMUP_MS = 10000, BATCH_MS = 50, STABLE = 0.03;
static const double READING_MS = 500;

typedef struct {
  bench_session *session;
  const bench_options *options;
  bench_times *times;
  double begin, last_reading, last_line;
} measurement;

static void tell_reading(const measurement *m) {
  const bench_watch *watch = &m->times->watch;
  const bench_clocks *reading = &watch->readings[watch->count - 1];
  json_writer json = json_to(stdout);
  json_object(&json, NULL);
  json_string(&json, "event", "reading");
  json_number(&json, "elapsed_s", reading->elapsed_s);
  json_number(&json, "cpu_celsius", reading->celsius);
  watch_judge(watch, &json);
  json_array(&json, "clocks");
  for (size_t i = 0; i < watch->core_count; ++i) {
    json_object(&json, NULL);
    json_integer(&json, "number", watch->cores[i]);
    json_integer_from(&json, "now_khz", reading->clocks[i].now_khz, 1);
    json_integer_from(&json, "limit_khz", reading->clocks[i].limit_khz, 1);
    json_integer_from(&json, "max_khz", reading->clocks[i].max_khz, 1);
    json_end(&json);
  }
  json_end(&json);
  json_end(&json);
}

/* Reads clocks where it is time for that; true where it did, which leaves other things in the caches. */
static bool look_at_device(measurement *m) {
  double now = now_ms();
  if (m->times->watch.count != 0 && now - m->last_reading < READING_MS) {
    return false;
  }
  watch_read(&m->times->watch, (now - m->begin) / 1e3);
  m->last_reading = now_ms();
  if (m->options->progress) {
    tell_reading(m);
  }
  return true;
}

static void tell_warmup(const measurement *m, double ms) {
  if (m->options->progress) {
    json_writer json = json_to(stdout);
    json_object(&json, NULL);
    json_string(&json, "event", "warmup");
    json_integer(&json, "runs", m->times->warmup_runs);
    json_number(&json, "ms", ms);
    json_end(&json);
  }
}

/* `runs` runs at most, fewer where it is stopped; their median. */
static double warm_batch(measurement *m, long runs, double *spent) {
  double samples[LARGEST_BATCH];
  size_t count = 0;
  while (count < (size_t)runs && (count == 0 || !stop_requested())) {
    samples[count] = session_run(m->session);
    *spent += samples[count++];
  }
  m->times->warmup_runs += (long)count;
  double middle = median(samples, count);
  tell_warmup(m, middle);
  return middle;
}

static void warm_up(measurement *m) {
  double spent = 0, before = -1;
  long runs = SMALLEST_BATCH, left = m->options->warmup;
  while (left != 0 && !stop_requested()) {
    if (left > 0) {
      runs = left < LARGEST_BATCH ? left : LARGEST_BATCH;
      left -= runs;
    }
    double last = warm_batch(m, runs, &spent);
    look_at_device(m);
    m->times->warmup_stable = spent >= WARM_MS && before >= 0 && fabs(before - last) <= STABLE * last;
    before = last;
    if (left < 0 && (m->times->warmup_stable || spent >= LONGEST_WARMUP_MS)) {
      return;
    }
    double fitting = round(BATCH_MS / fmax(last, 1e-6));
    runs = (long)fmax(SMALLEST_BATCH, fmin(LARGEST_BATCH, fitting));
  }
}

/* Tells of a run where there is time for it; true where it did. */
static bool tell_run(measurement *m, size_t index) {
  double now = now_ms();
  bool last = index + 1 == (size_t)m->options->runs;
  if (!m->options->progress || (!last && now - m->last_line < 1e3 / LINES_PER_SECOND)) {
    return false;
  }
  json_writer json = json_to(stdout);
  json_object(&json, NULL);
  json_string(&json, "event", "run");
  json_integer(&json, "index", (int64_t)index);
  json_integer(&json, "of", m->options->runs);
  json_number(&json, "ms", m->times->samples[index]);
  json_end(&json);
  m->last_line = now_ms();
  return true;
}

static void measure(measurement *m) {
  bench_times *times = m->times;
  look_at_device(m);
  /* What was told or read just before lies in the caches; a run that is not counted brings the model back. */
  bool disturbed = true;
  while (times->count < (size_t)m->options->runs && !stop_requested()) {
    if (disturbed) {
      session_run(m->session);
    }
    times->samples[times->count] = session_run(m->session);
    disturbed = tell_run(m, times->count++);
    disturbed = look_at_device(m) || disturbed;
  }
}

static void profile(measurement *m) {
  size_t calls = m->session->model->calls, runs = PROFILE_RUNS;
  double *all = allocate(calls * runs * sizeof *all);
  for (size_t i = 0; i < runs; ++i) {
    session_profile(m->session, all, i, runs);
  }
  m->times->profile = allocate(calls * sizeof *m->times->profile);
  for (size_t call = 0; call < calls; ++call) {
    m->times->profile[call] = median(all + call * runs, runs);
  }
  free(all);
  look_at_device(m);
}

void take_times(bench_session *session, const bench_options *options, bench_times *times) {
  memset(times, 0, sizeof *times);
  times->samples = allocate((size_t)options->runs * sizeof *times->samples);
  times->watch.root = options->root;
  times->watch.core_count = session->core_count;
  memcpy(times->watch.cores, session->cores, sizeof session->cores);
  measurement m = {session, options, times, now_ms(), 0, 0};
  look_at_device(&m);
  warm_up(&m);
  measure(&m);
  if (options->profile && !stop_requested()) {
    profile(&m);
  }
}

void times_end(bench_times *times) {
  free(times->samples);
  free(times->profile);
  watch_end(&times->watch);
}
