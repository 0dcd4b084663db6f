/* What samples say. */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stddef.h>

/* The smallest sample with at least this share of all at or below it; 0 for the smallest of all. `count` is at least 1. */
double percentile(const double *samples, size_t count, double share);

/* The middle one, or the mean of the middle two. */
double median(const double *samples, size_t count);

double mean(const double *samples, size_t count);

#endif
