/* Results and the lines before them. */
#include "result.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "describe.h"
#include "statistics.h"

static void write_cores(const bench_session *session, const bench_options *options, const bench_device *device,
                        json_writer *json) {
  json_object(json, "cores");
  json_string(json, "asked", options->cores);
  json_array(json, "used");
  for (size_t i = 0; session->pinned && i < session->core_count; ++i) {
    json_integer(json, NULL, session->cores[i]);
  }
  json_end(json);
  json_array(json, "names");
  for (size_t i = 0; i < device->core_count; ++i) {
    for (size_t j = 0; session->pinned && j < session->core_count; ++j) {
      if (device->cores[i].number == session->cores[j]) {
        json_string(json, NULL, device->cores[i].name);
      }
    }
  }
  json_end(json);
  json_bool(json, "pinned", session->pinned);
  json_end(json);
}

void tell_start(const bench_session *session, const bench_options *options) {
  json_writer json = json_to(stdout);
  json_object(&json, NULL);
  json_string(&json, "event", "start");
  json_string(&json, "model", options->model);
  json_integer(&json, "threads", session->threads);
  json_array(&json, "cores");
  for (size_t i = 0; session->pinned && i < session->core_count; ++i) {
    json_integer(&json, NULL, session->cores[i]);
  }
  json_end(&json);
  json_integer(&json, "runs", options->runs);
  json_end(&json);
  json = json_to(stdout);
  json_object(&json, NULL);
  json_string(&json, "event", "check");
  write_check(session, &json, false);
  json_end(&json);
}

static void write_latency(const bench_times *times, json_writer *json) {
  if (times->count == 0) {
    json_null(json, "latency_ms");
    return;
  }
  json_object(json, "latency_ms");
  json_number(json, "min", percentile(times->samples, times->count, 0));
  json_number(json, "p50", percentile(times->samples, times->count, 0.5));
  json_number(json, "p95", percentile(times->samples, times->count, 0.95));
  json_number(json, "mean", mean(times->samples, times->count));
  json_array(json, "samples");
  for (size_t i = 0; i < times->count; ++i) {
    json_number(json, NULL, times->samples[i]);
  }
  json_end(json);
  json_end(json);
}

static void write_profile(const bench_model *model, const bench_times *times, json_writer *json) {
  if (times->profile == NULL) {
    json_null(json, "profile");
    return;
  }
  double sum = mean(times->profile, model->calls) * model->calls;
  json_array(json, "profile");
  for (uint32_t call = 0; call < model->calls; ++call) {
    json_object(json, NULL);
    json_integer(json, "call", call);
    json_string(json, "kernel", model->kernels[call]);
    json_string(json, "label", model->labels[call]);
    json_number(json, "ms", times->profile[call]);
    json_number(json, "share", times->profile[call] / sum);
    json_end(json);
  }
  json_end(json);
}

/* The most memory that this program had. What getrusage tells is that of whoever started it, too. */
static int64_t peak_bytes(void) {
  char line[256];
  int64_t kilobytes = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "VmHWM:", 6) == 0) {
      kilobytes = strtol(line + 6, NULL, 10);
    }
  }
  if (file != NULL) {
    fclose(file);
  }
  return kilobytes * 1024;
}

void write_times(const bench_session *session, const bench_options *options, const bench_times *times,
                        json_writer *json) {
  json_bool(json, "stopped", times->count < (size_t)options->runs);
  json_object(json, "warmup");
  json_integer(json, "runs", times->warmup_runs);
  json_bool(json, "stable", times->warmup_stable);
  json_end(json);
  json_integer(json, "runs", (int64_t)times->count);
  write_latency(times, json);
  write_profile(session->model, times, json);
  json_object(json, "memory");
  json_integer(json, "instance_bytes", (int64_t)session->memory_bytes);
  json_integer(json, "weights_bytes", (int64_t)session->model->weights_bytes);
  json_integer_from(json, "peak_bytes", peak_bytes(), 1);
  json_end(json);
  json_object(json, "throttling");
  watch_judge(&times->watch, json);
  json_integer(json, "readings", (int64_t)times->watch.count);
  json_end(json);
}

void write_result(const bench_session *session, const bench_options *options, const bench_device *device,
                         json_writer *json) {
  const groupnet_info *info = groupnet_describe(session->model->model);
  json_object(json, NULL);
  write_head(json, "result");
  json_string(json, "runtime", "aot");
  json_string(json, "model", info->name);
  json_string(json, "task", info->task);
  json_string(json, "target", info->target);
  write_build(json);
  json_integer(json, "threads", session->threads);
  write_cores(session, options, device, json);
  json_object(json, "check");
  write_check(session, json, true);
  json_end(json);
  json_number(json, "create_ms", session->create_ms);
  json_number(json, "first_run_ms", session->first_run_ms);
}
