/* Objects from the outputs of an FCOS detector (Tian et al., ICCV 2019), as the host's `models.detection.decode`. */
#ifndef BENCH_DETECT_H
#define BENCH_DETECT_H

#include "json.h"
#include "models.h"

/* Writes `boxes` out of all outputs, one behind the other. */
void write_boxes(const bench_model *model, const float *outputs, json_writer *json);

#endif
