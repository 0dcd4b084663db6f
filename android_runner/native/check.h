/* Compares what the model computes for its stored input with what PyTorch computed. */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "json.h"
#include "session.h"

/* After a run of the stored input; ends the program where an output differs. */
void check_outputs(bench_session *session);

/* Writes the members of the result's `check`, with `each` those of every output. */
void write_check(const bench_session *session, json_writer *json, bool each);

#endif
