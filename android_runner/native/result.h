/* What a run of a model tells. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "json.h"
#include "session.h"
#include "timing.h"

/* Writes the progress lines of the beginning: what is run where, and that its numbers are right. */
void tell_start(const bench_session *session, const bench_options *options);

/* Writes what every result begins with. */
void write_result(const bench_session *session, const bench_options *options, const bench_device *device,
                  json_writer *json);

/* Writes what was measured. */
void write_times(const bench_session *session, const bench_options *options, const bench_times *times,
                 json_writer *json);

#endif
