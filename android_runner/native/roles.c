/* Roles of cores and the choice among them; the host's `phone_cores` follows the same rules. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "roles.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

const char *role_name(core_role role) {
  return role == ROLE_LITTLE ? "little" : role == ROLE_BIG ? "big" : "prime";
}

/* Kernels without energy-aware scheduling call all capacities equal; then they tell nothing. */
static bool capacities_tell(const device_core *cores, size_t count) {
  bool differ = false;
  for (size_t i = 0; i < count; ++i) {
    if (cores[i].capacity == 0) {
      return false;
    }
    differ = differ || cores[i].capacity != cores[0].capacity;
  }
  return differ;
}

static int compare_speed(const device_core *a, const device_core *b, bool by_capacity) {
  if (by_capacity && a->capacity != b->capacity) {
    return a->capacity < b->capacity ? -1 : 1;
  }
  /* Some phones clock big and little cores alike: a clock compares cores of one build only. */
  if (a->in_order != b->in_order) {
    return a->in_order ? -1 : 1;
  }
  return a->max_khz < b->max_khz ? -1 : a->max_khz > b->max_khz;
}

void assign_roles(device_core *cores, size_t count) {
  bool by_capacity = capacities_tell(cores, count), alike = true;
  size_t in_order = 0, slowest = 0;
  for (size_t i = 0; i < count; ++i) {
    alike = alike && compare_speed(&cores[i], &cores[0], by_capacity) == 0;
    in_order += cores[i].in_order;
    slowest = compare_speed(&cores[i], &cores[slowest], by_capacity) < 0 ? i : slowest;
  }
  bool by_build = in_order != 0 && in_order != count;
  const device_core *best = NULL, *worst = NULL;
  for (size_t i = 0; i < count; ++i) {
    bool little = by_build ? cores[i].in_order : compare_speed(&cores[i], &cores[slowest], by_capacity) == 0;
    cores[i].role = little && !alike ? ROLE_LITTLE : ROLE_BIG;
    if (cores[i].role == ROLE_BIG) {
      best = best == NULL || compare_speed(&cores[i], best, by_capacity) > 0 ? &cores[i] : best;
      worst = worst == NULL || compare_speed(&cores[i], worst, by_capacity) < 0 ? &cores[i] : worst;
    }
  }
  if (best == NULL || compare_speed(best, worst, by_capacity) == 0) {
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    if (cores[i].role == ROLE_BIG && compare_speed(&cores[i], best, by_capacity) == 0) {
      cores[i].role = ROLE_PRIME;
    }
  }
}

/* Reads `4-7,2`; false where the text is no such list. */
static bool read_list(const char *text, bool *wanted) {
  while (isdigit((unsigned char)text[0])) {
    char *end;
    long first = strtol(text, &end, 10), last = first;
    if (*end == '-') {
      if (!isdigit((unsigned char)end[1])) {
        return false;
      }
      last = strtol(end + 1, &end, 10);
    }
    if (first >= 1024 || last >= 1024 || last < first) {
      return false;
    }
    for (long number = first; number <= last; ++number) {
      wanted[number] = true;
    }
    if (*end == 0) {
      return true;
    }
    if (*end != ',') {
      return false;
    }
    text = end + 1;
  }
  return false;
}

/* Marks the cores of a role, or all where there are none of it; of these the fastest's kind. */
static void mark_role(const bench_device *device, const char *text, bool *marked) {
  const device_core *cores = device->cores;
  bool by_capacity = capacities_tell(cores, device->core_count), prime = strcmp(text, "prime") == 0;
  core_role role = strcmp(text, "little") == 0 ? ROLE_LITTLE : ROLE_BIG;
  size_t found = 0;
  const device_core *best = NULL;
  for (size_t i = 0; i < device->core_count; ++i) {
    found += !prime && cores[i].role == role;
  }
  for (size_t i = 0; i < device->core_count; ++i) {
    marked[i] = found == 0 || cores[i].role == role;
    if (marked[i] && (best == NULL || compare_speed(&cores[i], best, by_capacity) >= 0)) {
      best = &cores[i];
    }
  }
  for (size_t i = 0; best != NULL && i < device->core_count; ++i) {
    marked[i] = marked[i] && strcmp(cores[i].name, best->name) == 0 &&
                (!prime || compare_speed(&cores[i], best, by_capacity) == 0);
  }
}

static void mark_numbers(const bench_device *device, const char *text, bool *marked) {
  bool wanted[1024] = {false};
  bool is_list = read_list(text, wanted);
  size_t found = 0, asked = 0;
  const char *name = NULL;
  for (size_t i = 0; i < 1024; ++i) {
    asked += wanted[i];
  }
  for (size_t i = 0; i < device->core_count; ++i) {
    marked[i] = is_list && wanted[device->cores[i].number];
    found += marked[i];
    if (marked[i] && name != NULL && strcmp(name, device->cores[i].name) != 0) {
      fail("CoresError", "expected cores of one kind; got %s and %s by '%s': take each kind by itself", name,
           device->cores[i].name, text);
    }
    name = marked[i] ? device->cores[i].name : name;
  }
  if (!is_list || found < asked) {
    fail("CoresError",
         "expected big, prime, little, or numbers such as 4-7 or 0,2, of this device's %zu cores; got '%s': choose "
         "others",
         device->core_count, text);
  }
}

void choose_cores(const bench_device *device, const char *text, unsigned wanted, int *chosen) {
  static bool marked[MOST_CORES];
  unsigned found = 0;
  if (strcmp(text, "prime") == 0 || strcmp(text, "big") == 0 || strcmp(text, "little") == 0) {
    mark_role(device, text, marked);
  } else {
    mark_numbers(device, text, marked);
  }
  for (size_t i = 0; i < device->core_count; ++i) {
    if (marked[i]) {
      if (found < wanted) {
        chosen[found] = device->cores[i].number;
      }
      ++found;
    }
  }
  if (found < wanted) {
    fail("CoresError", "expected %u cores, one for each thread; got %u by '%s': ask for fewer threads", wanted, found,
         text);
  }
}

size_t fastest_cores(const bench_device *device, unsigned wanted, int *chosen) {
  bool by_capacity = capacities_tell(device->cores, device->core_count);
  static bool taken[MOST_CORES];
  size_t count = 0;
  memset(taken, 0, sizeof taken);
  while (count < wanted && count < device->core_count) {
    size_t best = MOST_CORES;
    for (size_t i = 0; i < device->core_count; ++i) {
      if (!taken[i] &&
          (best == MOST_CORES || compare_speed(&device->cores[i], &device->cores[best], by_capacity) > 0)) {
        best = i;
      }
    }
    taken[best] = true;
    chosen[count++] = device->cores[best].number;
  }
  return count;
}

void stay_on(int core) {
  cpu_set_t wanted, got;
  CPU_ZERO(&wanted);
  CPU_SET((unsigned)core, &wanted);
  if (core >= CPU_SETSIZE || sched_setaffinity(0, sizeof wanted, &wanted) != 0 ||
      sched_getaffinity(0, sizeof got, &got) != 0 || !CPU_EQUAL(&wanted, &got)) {
    fail("CoresError", "expected to run on core %d; the system does not let this program: choose another", core);
  }
}
