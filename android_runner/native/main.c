/* groupnet_bench: checks and times the models inside, and says so in JSON (docs/native.md). */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "describe.h"
#include "failure.h"
#include "images.h"
#include "result.h"

enum { EXIT_STOPPED = 130 };

static const bench_model *find_model(const char *name) {
  char known[512] = "";
  for (size_t i = 0; i < bench_model_count; ++i) {
    const char *one = groupnet_describe(bench_models[i].model)->name;
    if (strcmp(one, name) == 0) {
      return &bench_models[i];
    }
    size_t used = strlen(known);
    snprintf(known + used, sizeof known - used, "%s%s", used == 0 ? "" : ", ", one);
  }
  fail("UsageError", "expected a model of %s; got '%s': see --list", known, name);
}

static void time_model(bench_session *session, const bench_options *options, const bench_device *device) {
  bench_times times;
  take_times(session, options, &times);
  json_writer json = json_to(stdout);
  write_result(session, options, device, &json);
  write_times(session, options, &times, &json);
  write_device(&json, device);
  json_end(&json);
  times_end(&times);
}

static void compute_images(bench_session *session, const bench_options *options, const bench_device *device,
                           const bench_files *files) {
  bool stopped = false;
  char *images = run_images(session, options, files, &stopped);
  json_writer json = json_to(stdout);
  write_result(session, options, device, &json);
  json_bool(&json, "stopped", stopped);
  json_written(&json, "images", images);
  json_end(&json);
  free(images);
}

static void run_model(const bench_options *options, const bench_device *device) {
  const bench_model *model = find_model(options->model);
  bench_files files = {0, NULL};
  if (options->request != ASK_TIMES) {
    /* A file that does not fit is told before anything is computed. */
    files = find_images(model, options);
  }
  bench_session session;
  session_open(&session, model, options, device);
  check_outputs(&session);
  if (options->progress) {
    tell_start(&session, options);
  }
  if (options->request == ASK_TIMES) {
    time_model(&session, options, device);
  } else {
    compute_images(&session, options, device, &files);
  }
  session_close(&session);
  files_end(&files);
}

int main(int count, char **words) {
  static bench_device device;
  bench_options options = read_options(count, words);
  read_device(options.root, &device);
  remember_signals();
  if (options.request == ASK_LIST || options.request == ASK_DEVICE) {
    json_writer json = json_to(stdout);
    json_object(&json, NULL);
    write_head(&json, options.request == ASK_LIST ? "list" : "device");
    if (options.request == ASK_LIST) {
      write_build(&json);
      write_models(&json);
    }
    write_device(&json, &device);
    json_end(&json);
  } else {
    run_model(&options, &device);
  }
  finish_output();
  return stop_requested() ? EXIT_STOPPED : 0;
}
