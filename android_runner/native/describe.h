/* The parts of the answers that say what is here: models, device, build. */
#ifndef BENCH_DESCRIBE_H
#define BENCH_DESCRIBE_H

#include "device.h"
#include "json.h"
#include "models.h"

/* Writes `event`, `schema` and `version`. */
void write_head(json_writer *json, const char *event);

void write_build(json_writer *json);

void write_device(json_writer *json, const bench_device *device);

void write_models(json_writer *json);

#endif
