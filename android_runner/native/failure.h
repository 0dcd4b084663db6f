/* The one way out of the program that is an error: a sentence on stderr, a line of JSON, exit code 2. */
#ifndef BENCH_FAILURE_H
#define BENCH_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>

/* `type` is a word of docs/native.md; the rest is as for printf. */
noreturn void fail(const char *type, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Memory that is there; of no bytes too. */
void *allocate(size_t bytes);

/* Ends what is on stdout; a full disk is an error. */
void finish_output(void);

/* Whether SIGINT or SIGTERM came. */
bool stop_requested(void);

/* From now on those signals are only remembered. */
void remember_signals(void);

#endif
