/* Percentiles and means. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return left < right ? -1 : left > right;
}

static double *sorted(const double *samples, size_t count) {
  double *copy = allocate(count * sizeof *copy);
  memcpy(copy, samples, count * sizeof *copy);
  qsort(copy, count, sizeof *copy, compare);
  return copy;
}

double percentile(const double *samples, size_t count, double share) {
  double *copy = sorted(samples, count);
  /* Less than a rounding error, so that 0.95 of 20 is the 19th. */
  double rank = ceil(share * (double)count - 1e-9);
  double value = copy[rank < 1 ? 0 : (size_t)rank - 1];
  free(copy);
  return value;
}

double median(const double *samples, size_t count) {
  double *copy = sorted(samples, count);
  double value = (copy[(count - 1) / 2] + copy[count / 2]) / 2;
  free(copy);
  return value;
}

double mean(const double *samples, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    sum += samples[i];
  }
  return sum / (double)count;
}
