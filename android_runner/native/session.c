/* Instances, cores and the clock. */
#define _GNU_SOURCE /* clock_gettime */
#include "session.h"

#include <stdlib.h>
#include <time.h>

#include "failure.h"
#include "roles.h"

double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void expect_ok(groupnet_status status, const char *what) {
  if (status != GROUPNET_OK) {
    fail("ModelError", "expected to %s; the runtime said: %s; see --list", what, groupnet_status_text(status));
  }
}

static void take_cores(bench_session *session, const bench_options *options, const bench_device *device) {
  session->pinned = options->cores != NULL;
  if (session->pinned) {
    choose_cores(device, options->cores, options->threads, session->cores);
    session->core_count = options->threads;
    stay_on(session->cores[0]);
  } else {
    session->core_count = fastest_cores(device, options->threads, session->cores);
  }
}

void session_open(bench_session *session, const bench_model *model, const bench_options *options,
                  const bench_device *device) {
  *session = (bench_session){.model = model, .threads = options->threads};
  expect_ok(groupnet_check(model->model), "run the model");
  const groupnet_info *info = groupnet_describe(model->model);
  for (size_t i = 0; i < info->output_count; ++i) {
    session->output_bytes += info->outputs[i].bytes;
  }
  session->outputs = allocate(session->output_bytes);
  session->errors = allocate(info->output_count * sizeof *session->errors);
  take_cores(session, options, device);
  session->memory_bytes = groupnet_memory_bytes(model->model, options->threads);
  groupnet_options how = {options->threads, session->pinned ? session->cores + 1 : NULL};
  double begin = now_ms();
  /* The size is a multiple of the alignment, as C11 wants it. */
  session->memory = aligned_alloc(GROUPNET_ALIGNMENT, session->memory_bytes);
  if (session->memory == NULL) {
    fail("ModelError", "expected %zu bytes of memory for the model; the system gave none: end other programs",
         session->memory_bytes);
  }
  expect_ok(groupnet_create(model->model, session->memory, session->memory_bytes, &how, &session->instance),
            "make an instance of the model");
  session->create_ms = now_ms() - begin;
  session_set_input(session, model->input);
  session->first_run_ms = session_run(session);
}

void session_set_input(bench_session *session, const void *input) {
  size_t bytes = groupnet_describe(session->model->model)->inputs[0].bytes;
  expect_ok(groupnet_set_input(session->instance, 0, input, bytes), "set the input");
}

double session_run(bench_session *session) {
  double begin = now_ms();
  groupnet_status status = groupnet_run(session->instance);
  double end = now_ms();
  expect_ok(status, "run the model");
  return end - begin;
}

typedef struct {
  double *times, before;
  size_t rows;
} profile_state;

static void note_call(void *context, uint32_t calls) {
  profile_state *state = context;
  double now = now_ms();
  if (calls > 0) {
    state->times[(calls - 1) * state->rows] = now - state->before;
  }
  /* Read again, so that taking notes is no part of the next call's time. */
  state->before = now_ms();
}

void session_profile(bench_session *session, double *times, size_t row, size_t rows) {
  profile_state state = {times + row, 0, rows};
  expect_ok(groupnet_run_observed(session->instance, note_call, &state), "run the model");
}

void session_read_outputs(bench_session *session) {
  const groupnet_info *info = groupnet_describe(session->model->model);
  size_t offset = 0;
  for (size_t i = 0; i < info->output_count; ++i) {
    size_t bytes = info->outputs[i].bytes;
    expect_ok(groupnet_get_output(session->instance, i, session->outputs + offset, bytes), "read an output");
    offset += bytes;
  }
}

void session_close(bench_session *session) {
  groupnet_destroy(session->instance);
  free(session->memory);
  free(session->outputs);
  free(session->errors);
  session->instance = NULL;
}
