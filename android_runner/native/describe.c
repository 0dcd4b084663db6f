/* What `--list` and `--device` tell, and results repeat. */
#include "describe.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "processor.h"
#include "roles.h"

enum { SCHEMA = 1, ZONES = 128 };

static const char *const TYPES[] = {"float32", "int32", "uint32", "int8", "uint8", "int64", "bool"};

void write_head(json_writer *json, const char *event) {
  json_string(json, "event", event);
  json_integer(json, "schema", SCHEMA);
  json_string(json, "version", bench_version);
}

void write_build(json_writer *json) {
  json_object(json, "build");
  json_string(json, "target", bench_target);
  json_string(json, "libc", bench_libc);
  json_string(json, "compiler", bench_compiler);
  json_end(json);
}

static void write_core(json_writer *json, const bench_device *device, const device_core *core) {
  core_clock clock = read_clock(device->root, core->number);
  json_object(json, NULL);
  json_integer(json, "number", core->number);
  json_string(json, "name", core->name);
  json_string(json, "role", role_name(core->role));
  json_string(json, "governor", core->governor[0] == 0 ? NULL : core->governor);
  json_integer_from(json, "capacity", core->capacity, 1);
  json_integer_from(json, "min_khz", core->min_khz, 1);
  json_integer_from(json, "max_khz", core->max_khz, 1);
  json_integer_from(json, "limit_khz", clock.limit_khz, 1);
  json_integer_from(json, "now_khz", clock.now_khz, 1);
  json_end(json);
}

void write_device(json_writer *json, const bench_device *device) {
  static thermal_zone zones[ZONES];
  size_t count = read_zones(device->root, zones, ZONES);
  struct utsname names;
  json_object(json, "device");
  write_features(json);
  json_string(json, "kernel", uname(&names) == 0 ? names.release : NULL);
  json_array(json, "cores");
  for (size_t i = 0; i < device->core_count; ++i) {
    write_core(json, device, &device->cores[i]);
  }
  json_end(json);
  json_integer_from(json, "memory_bytes", (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE), 1);
  json_number(json, "cpu_celsius", cpu_celsius(zones, count));
  json_array(json, "zones");
  for (size_t i = 0; i < count; ++i) {
    json_object(json, NULL);
    json_string(json, "type", zones[i].type);
    json_number(json, "celsius", zones[i].celsius);
    json_end(json);
  }
  json_end(json);
  json_end(json);
}

static void write_tensors(json_writer *json, const char *key, const groupnet_tensor *tensors, size_t count) {
  json_array(json, key);
  for (size_t i = 0; i < count; ++i) {
    json_object(json, NULL);
    json_string(json, "name", tensors[i].name);
    json_string(json, "type", TYPES[tensors[i].type]);
    json_array(json, "shape");
    for (int32_t axis = 0; axis < tensors[i].rank; ++axis) {
      json_integer(json, NULL, tensors[i].shape[axis]);
    }
    json_end(json);
    json_integer(json, "bytes", (int64_t)tensors[i].bytes);
    json_end(json);
  }
  json_end(json);
}

static void write_model(json_writer *json, const bench_model *model) {
  const groupnet_info *info = groupnet_describe(model->model);
  groupnet_status status = groupnet_check(model->model);
  json_object(json, NULL);
  json_string(json, "name", info->name);
  json_string(json, "task", info->task);
  json_string(json, "target", info->target);
  json_bool(json, "runs_here", status == GROUPNET_OK);
  json_string(json, "refused", status == GROUPNET_OK ? NULL : groupnet_status_text(status));
  write_tensors(json, "inputs", info->inputs, info->input_count);
  write_tensors(json, "outputs", info->outputs, info->output_count);
  json_array(json, "labels");
  for (size_t i = 0; i < info->label_count; ++i) {
    json_string(json, NULL, info->labels[i]);
  }
  json_end(json);
  json_string(json, "preparation", model->preparation);
  json_integer(json, "kernel_calls", model->calls);
  json_integer(json, "weights_bytes", (int64_t)model->weights_bytes);
  json_integer(json, "memory_bytes", (int64_t)groupnet_memory_bytes(model->model, 1));
  json_end(json);
}

void write_models(json_writer *json) {
  json_array(json, "models");
  for (size_t i = 0; i < bench_model_count; ++i) {
    write_model(json, &bench_models[i]);
  }
  json_end(json);
}
