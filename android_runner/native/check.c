/* The check before anything is timed. */
#include "check.h"

#include <math.h>
#include <string.h>

#include "failure.h"

/* The largest difference of output `index`; infinite where a value is no number. */
static double difference(const bench_session *session, size_t index) {
  const groupnet_info *info = groupnet_describe(session->model->model);
  const unsigned char *got = session->outputs, *expected = session->model->expected;
  double largest = 0;
  for (size_t i = 0; i < index; ++i) {
    got += info->outputs[i].bytes;
    expected += info->outputs[i].bytes;
  }
  for (size_t at = 0; at < info->outputs[index].bytes; at += sizeof(float)) {
    float mine, other;
    memcpy(&mine, got + at, sizeof mine);
    memcpy(&other, expected + at, sizeof other);
    double distance = fabs((double)mine - (double)other);
    largest = isnan(distance) ? INFINITY : distance > largest ? distance : largest;
  }
  return largest;
}

void check_outputs(bench_session *session) {
  const groupnet_info *info = groupnet_describe(session->model->model);
  session_read_outputs(session);
  for (size_t i = 0; i < info->output_count; ++i) {
    double distance = difference(session, i), tolerance = session->model->tolerances[i];
    session->errors[i] = distance;
    if (!(distance <= tolerance)) {
      fail("CheckError",
           "expected PyTorch's numbers within %.3g in %s of %s; got a difference of %.3g: nothing was timed, build the "
           "executable again",
           tolerance, info->outputs[i].name, info->name, distance);
    }
  }
}

void write_check(const bench_session *session, json_writer *json, bool each) {
  const groupnet_info *info = groupnet_describe(session->model->model);
  double largest = 0;
  for (size_t i = 0; i < info->output_count; ++i) {
    largest = fmax(largest, session->errors[i]);
  }
  json_bool(json, "ok", true);
  json_number(json, "max_abs_err", largest);
  if (!each) {
    return;
  }
  json_array(json, "outputs");
  for (size_t i = 0; i < info->output_count; ++i) {
    json_object(json, NULL);
    json_string(json, "name", info->outputs[i].name);
    json_number(json, "max_abs_err", session->errors[i]);
    json_number(json, "tolerance", session->model->tolerances[i]);
    json_end(json);
  }
  json_end(json);
}
