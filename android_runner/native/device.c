/* Reads /proc/cpuinfo and /sys. */
#define _GNU_SOURCE /* strcasecmp */
#include "device.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "models.h"
#include "roles.h"

enum { PATH_BYTES = 1024, LINE_BYTES = 4096 };

static FILE *open_below(const char *root, const char *path) {
  char whole[PATH_BYTES];
  int length = snprintf(whole, sizeof whole, "%s%s", root, path);
  return length < 0 || length >= PATH_BYTES ? NULL : fopen(whole, "r");
}

bool read_line(const char *root, const char *path, char *text, size_t bytes) {
  FILE *file = open_below(root, path);
  text[0] = 0;
  if (file == NULL) {
    return false;
  }
  bool got = fgets(text, (int)bytes, file) != NULL;
  fclose(file);
  text[strcspn(text, "\r\n")] = 0;
  return got;
}

static long read_positive(const char *root, const char *format, int number) {
  char path[PATH_BYTES], text[64], *end;
  snprintf(path, sizeof path, format, number);
  if (!read_line(root, path, text, sizeof text)) {
    return 0;
  }
  long value = strtol(text, &end, 10);
  return end == text || *end != 0 || value < 0 ? 0 : value;
}

core_clock read_clock(const char *root, int core) {
  core_clock clock = {read_positive(root, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", core),
                      read_positive(root, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_max_freq", core),
                      read_positive(root, "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", core)};
  return clock;
}

/* What is known of a block of /proc/cpuinfo: one core, or in old kernels all of them. */
typedef struct {
  int numbers[MOST_CORES];
  size_t count;
  unsigned long implementer, part;
  bool has_part;
  char model[CORE_NAME_BYTES]; /* x86's `model name` */
} cpuinfo_block;

static void name_core(device_core *core, const cpuinfo_block *block) {
  if (!block->has_part) {
    snprintf(core->name, sizeof core->name, "%s", block->model);
    return;
  }
  snprintf(core->name, sizeof core->name, "%#04lx/%#05lx", block->implementer, block->part);
  for (size_t i = 0; i < bench_core_part_count; ++i) {
    const bench_core_part *known = &bench_core_parts[i];
    if (known->implementer == block->implementer && known->part == block->part) {
      snprintf(core->name, sizeof core->name, "%s", known->name);
      core->in_order = known->little != 0;
    }
  }
}

static void end_block(bench_device *device, cpuinfo_block *block) {
  if (block->has_part || block->model[0] != 0) {
    if (block->count == 0) {
      block->numbers[block->count++] = (int)device->core_count;
    }
    for (size_t i = 0; i < block->count && device->core_count < MOST_CORES; ++i) {
      device_core *core = &device->cores[device->core_count++];
      core->number = block->numbers[i];
      name_core(core, block);
    }
  }
  memset(block, 0, sizeof *block);
}

static void read_field(cpuinfo_block *block, const char *line) {
  const char *colon = strchr(line, ':');
  if (colon == NULL) {
    return;
  }
  size_t length = (size_t)(colon - line);
  while (length > 0 && isspace((unsigned char)line[length - 1])) {
    --length;
  }
  const char *value = colon + 1;
  value += strspn(value, " \t");
#define IS(key) (length == sizeof key - 1 && memcmp(line, key, sizeof key - 1) == 0)
  if (IS("processor") && block->count < MOST_CORES && isdigit((unsigned char)value[0])) {
    long number = strtol(value, NULL, 10);
    /* Beyond what sched_setaffinity's sets hold there is nothing to do with a core. */
    block->numbers[block->count++] = number < 1024 ? (int)number : 1023;
  } else if (IS("CPU implementer")) {
    block->implementer = strtoul(value, NULL, 0) & 0xFFFF;
  } else if (IS("CPU part")) {
    block->part = strtoul(value, NULL, 0) & 0xFFFFFF;
    block->has_part = true;
  } else if (IS("model name")) {
    snprintf(block->model, sizeof block->model, "%s", value);
  }
#undef IS
}

static void read_cpuinfo(bench_device *device) {
  FILE *file = open_below(device->root, "/proc/cpuinfo");
  static cpuinfo_block block;
  char line[LINE_BYTES];
  memset(&block, 0, sizeof block);
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\r\n")] = 0;
    if (line[strspn(line, " \t")] == 0) {
      end_block(device, &block);
    } else {
      read_field(&block, line);
    }
  }
  end_block(device, &block);
  if (file != NULL) {
    fclose(file);
  }
}

void read_device(const char *root, bench_device *device) {
  memset(device, 0, sizeof *device);
  device->root = root;
  read_cpuinfo(device);
  for (size_t i = 0; i < device->core_count; ++i) {
    device_core *core = &device->cores[i];
    char path[PATH_BYTES];
    core->min_khz = read_positive(root, "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_min_freq", core->number);
    core->max_khz = read_positive(root, "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", core->number);
    core->capacity = read_positive(root, "/sys/devices/system/cpu/cpu%d/cpu_capacity", core->number);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", core->number);
    read_line(root, path, core->governor, sizeof core->governor);
  }
  assign_roles(device->cores, device->core_count);
}

size_t read_zones(const char *root, thermal_zone *zones, size_t most) {
  size_t count = 0;
  int missing = 0;
  /* Numbers have small gaps where a thermometer went. */
  for (int number = 0; missing < 16 && count < most; ++number) {
    char path[PATH_BYTES], text[64], *end;
    snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/type", number);
    if (!read_line(root, path, zones[count].type, sizeof zones[count].type)) {
      ++missing;
      continue;
    }
    missing = 0;
    snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", number);
    if (!read_line(root, path, text, sizeof text)) {
      continue;
    }
    long value = strtol(text, &end, 10);
    /* Most kernels give thousandths of a degree, a few whole degrees. */
    double celsius = value >= 1000 || value <= -1000 ? (double)value / 1000 : (double)value;
    if (end != text && *end == 0 && celsius >= -30 && celsius <= 150) {
      zones[count++].celsius = celsius;
    }
  }
  return count;
}

static bool is_cpu_zone(const char *type) {
  /* Samsung's and Google's chips name a zone for each cluster, the others have "cpu" in its name. */
  static const char *const clusters[] = {"BIG", "MID", "LITTLE", "LIT"};
  for (size_t i = 0; i < sizeof clusters / sizeof clusters[0]; ++i) {
    if (strcasecmp(type, clusters[i]) == 0) {
      return true;
    }
  }
  if (strpbrk(type, " \t") != NULL) {
    return false;
  }
  for (; *type != 0; ++type) {
    if (strncasecmp(type, "cpu", 3) == 0) {
      return true;
    }
  }
  return false;
}

double cpu_celsius(const thermal_zone *zones, size_t count) {
  double hottest = NAN;
  for (size_t i = 0; i < count; ++i) {
    if (is_cpu_zone(zones[i].type) && !(zones[i].celsius <= hottest)) {
      hottest = zones[i].celsius;
    }
  }
  return hottest;
}
