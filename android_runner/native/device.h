/* What the kernel tells of this device: cores, clocks, temperatures, memory. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

enum { MOST_CORES = 512, CORE_NAME_BYTES = 64 };

typedef enum { ROLE_LITTLE, ROLE_BIG, ROLE_PRIME } core_role;

typedef struct {
  int number;
  char name[CORE_NAME_BYTES];
  bool in_order;
  core_role role;
  long min_khz, max_khz, capacity; /* 0: not told */
  char governor[32];               /* empty: not told */
} device_core;

typedef struct {
  const char *root; /* of /proc and /sys */
  size_t core_count;
  device_core cores[MOST_CORES];
} bench_device;

/* A core's clock at a moment in kHz; 0: not told. */
typedef struct {
  long now_khz, limit_khz, max_khz;
} core_clock;

/* A thermometer. */
typedef struct {
  char type[64];
  double celsius;
} thermal_zone;

/* Reads who the device is; what is not told stays empty. */
void read_device(const char *root, bench_device *device);

core_clock read_clock(const char *root, int core);

/* Thermometers with plausible temperatures, at most `most`. */
size_t read_zones(const char *root, thermal_zone *zones, size_t most);

/* The processor's hottest zone; NAN: not told. */
double cpu_celsius(const thermal_zone *zones, size_t count);

/* The first line of a file below `root`, cut to `bytes`; false where there is none. */
bool read_line(const char *root, const char *path, char *text, size_t bytes);

#endif
