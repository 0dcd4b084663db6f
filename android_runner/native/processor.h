/* The instruction sets that kernels are written for, as this processor has them. */
#ifndef BENCH_PROCESSOR_H
#define BENCH_PROCESSOR_H

#include "json.h"

/* Writes `machine` and `features`. */
void write_features(json_writer *json);

#endif
