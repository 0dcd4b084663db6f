/* Checks of the runtime with models made by hand; prints "ok", or the line that failed. */
#define _GNU_SOURCE /* sched_getaffinity */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groupnet_model.h"

#define CHECK(condition)                                          \
  do {                                                            \
    if (!(condition)) {                                           \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);     \
      exit(1);                                                    \
    }                                                             \
  } while (0)

enum { VALUES = 64, MOST_THREADS = 4, BYTES = 1 << 16, WORKSPACE = 256, TASKS = 37 };

static const int64_t shapes[] = {VALUES};
static const groupnet_slot slots[] = {{0, 0, 1, 2, 32, 1}, {256, 0, 1, 2, 32, 1}, {0, 0, 1, 2, 32, 0}};
static const uint16_t arguments[] = {0, 2, 1};
static const uint16_t first[] = {0}, second[] = {1};
static const groupnet_tensor input = {"x", GROUPNET_FLOAT32, 1, shapes, VALUES * 4};
static const groupnet_tensor output = {"y", GROUPNET_FLOAT32, 1, shapes, VALUES * 4};
static const groupnet_info info = {"made", "none", "any", 0, NULL, 1, &input, 1, &output};
static _Alignas(64) const float weights[VALUES] = {1, 2, 3};
static _Alignas(GROUPNET_ALIGNMENT) unsigned char memory[2][BYTES];

typedef struct {
  const float *x, *w;
  float *y;
  int launched; /* tasks asked for */
} sum;

static int add_some(int index, groupnet_group *group, void *closure) {
  const sum *s = closure;
  float *scratch = groupnet_allocate_workspace(1, 0, WORKSPACE, 2, 32);
  if (scratch == NULL || (uintptr_t)scratch % GROUPNET_ALIGNMENT != 0) {
    return -1;
  }
  CHECK(groupnet_allocate_workspace(1, 0, 1, 2, 32) == NULL);
  CHECK(s->launched == 0 || group->tasks == s->launched);
  for (int i = index; i < VALUES; i += group->tasks) {
    scratch[0] = s->x[i];
    s->y[i] = scratch[0] + s->w[i];
  }
  return groupnet_free_workspace(1, 0, scratch);
}

static sum sum_of(const groupnet_value *values, int launched) {
  const groupnet_view *x = values[0].pointer, *w = values[1].pointer, *y = values[2].pointer;
  CHECK(x->rank == 1 && x->shape[0] == VALUES && x->type_code == 2 && x->type_bits == 32);
  return (sum){x->data, w->data, y->data, launched};
}

static int add(void *self, const groupnet_value *values, int32_t count, groupnet_value *result) {
  sum as_many_as_threads = sum_of(values, 0), many = sum_of(values, TASKS);
  (void)self;
  (void)result;
  CHECK(count == 3 && values[0].type_index == 7);
  for (int i = 0; i < VALUES; ++i) {
    many.y[i] = -1;
  }
  if (groupnet_parallel_launch(add_some, &many, TASKS) != 0) {
    return -1;
  }
  return groupnet_parallel_launch(add_some, &as_many_as_threads, 0);
}

static atomic_int at_work, nested, pinned;

static int count_nested(int index, groupnet_group *group, void *closure) {
  (void)closure;
  CHECK(index < group->tasks);
  atomic_fetch_add(&nested, 1);
  return 0;
}

static int look_around(int index, groupnet_group *group, void *closure) {
  cpu_set_t cores;
  (void)closure;
  atomic_fetch_or(&at_work, 1 << index);
  CHECK(sched_getaffinity(0, sizeof cores, &cores) == 0);
  if (index > 0 && CPU_COUNT(&cores) == 1) {
    atomic_fetch_add(&pinned, 1);
  }
  (void)group;
  return groupnet_parallel_launch(count_nested, NULL, 5);
}

static int look(void *self, const groupnet_value *values, int32_t count, groupnet_value *result) {
  (void)self;
  (void)values;
  (void)count;
  (void)result;
  return groupnet_parallel_launch(look_around, NULL, 0);
}

static int fail_at_3(int index, groupnet_group *group, void *closure) {
  (void)group;
  (void)closure;
  return index == 3 ? -1 : 0;
}

static int fail(void *self, const groupnet_value *values, int32_t count, groupnet_value *result) {
  (void)self;
  (void)values;
  (void)count;
  (void)result;
  return groupnet_parallel_launch(fail_at_3, NULL, 7);
}

static const groupnet_step adding = {add, 0, 3}, looking = {look, 0, 0}, failing = {fail, 0, 0};

static groupnet_model model_of(const groupnet_step *step, uint64_t workspace) {
  return (groupnet_model){GROUPNET_FORMAT, 0,     &info, (const unsigned char *)weights, shapes, slots, 3, 1,
                          step,            arguments, 3,     first, second, 512, workspace};
}

static groupnet_instance *make(const groupnet_model *model, int place, unsigned threads, const int *cores) {
  groupnet_options options = {threads, cores};
  groupnet_instance *instance = NULL;
  CHECK(groupnet_create(model, memory[place], BYTES, &options, &instance) == GROUPNET_OK);
  CHECK(instance != NULL);
  return instance;
}

static void run_sums(const groupnet_model *model, int place, unsigned threads, int runs) {
  groupnet_instance *instance = make(model, place, threads, NULL);
  float x[VALUES], y[VALUES];
  for (int run = 0; run < runs; ++run) {
    for (int i = 0; i < VALUES; ++i) {
      x[i] = (float)(i * (place + 1) + run);
    }
    CHECK(groupnet_set_input(instance, 0, x, sizeof x) == GROUPNET_OK);
    CHECK(groupnet_run(instance) == GROUPNET_OK);
    CHECK(groupnet_get_output(instance, 0, y, sizeof y) == GROUPNET_OK);
    for (int i = 0; i < VALUES; ++i) {
      CHECK(y[i] == x[i] + weights[i]);
    }
  }
  groupnet_destroy(instance);
}

static void check_arguments(const groupnet_model *model) {
  groupnet_instance *instance = make(model, 0, 1, NULL);
  groupnet_options options = {0, NULL};
  int core = -1;
  float x[VALUES] = {0};
  size_t bytes = groupnet_memory_bytes(model, 1);
  CHECK(groupnet_describe(model) == &info && groupnet_describe(NULL) == NULL);
  CHECK(groupnet_run(NULL) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_run(instance) == GROUPNET_ERROR_ORDER);
  CHECK(groupnet_get_output(instance, 0, x, sizeof x) == GROUPNET_ERROR_ORDER);
  CHECK(groupnet_set_input(instance, 1, x, sizeof x) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_set_input(instance, 0, NULL, sizeof x) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_set_input(instance, 0, x, sizeof x - 1) == GROUPNET_ERROR_SIZE);
  CHECK(groupnet_set_input(instance, 0, x, sizeof x) == GROUPNET_OK);
  CHECK(groupnet_run(instance) == GROUPNET_OK);
  CHECK(groupnet_get_output(instance, 1, x, sizeof x) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_get_output(instance, 0, x, sizeof x + 1) == GROUPNET_ERROR_SIZE);
  CHECK(groupnet_get_output(instance, 0, NULL, sizeof x) == GROUPNET_ERROR_ARGUMENT);
  groupnet_destroy(instance);
  groupnet_destroy(NULL);
  CHECK(bytes > 0 && groupnet_memory_bytes(model, 2) > bytes);
  CHECK(groupnet_memory_bytes(NULL, 1) == 0 && groupnet_memory_bytes(model, 0) == 0);
  CHECK(groupnet_memory_bytes(model, GROUPNET_MAX_THREADS + 1) == 0);
  CHECK(groupnet_create(model, memory[0], bytes, NULL, NULL) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_create(NULL, memory[0], bytes, NULL, &instance) == GROUPNET_ERROR_ARGUMENT && instance == NULL);
  CHECK(groupnet_create(model, NULL, bytes, NULL, &instance) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_create(model, memory[0], bytes, &options, &instance) == GROUPNET_ERROR_ARGUMENT);
  options = (groupnet_options){2, &core};
  CHECK(groupnet_create(model, memory[0], BYTES, &options, &instance) == GROUPNET_ERROR_ARGUMENT);
  CHECK(groupnet_create(model, memory[0], bytes - 1, NULL, &instance) == GROUPNET_ERROR_MEMORY);
  CHECK(groupnet_create(model, memory[0] + 1, BYTES - 1, NULL, &instance) == GROUPNET_ERROR_MEMORY);
  CHECK(groupnet_create(model, memory[0], bytes, NULL, &instance) == GROUPNET_OK);
  groupnet_destroy(instance);
}

static void check_other_models(groupnet_model model) {
  groupnet_instance *instance = NULL;
  model.format = GROUPNET_FORMAT + 1;
  CHECK(groupnet_create(&model, memory[0], BYTES, NULL, &instance) == GROUPNET_ERROR_VERSION);
  CHECK(groupnet_memory_bytes(&model, 1) == 0);
  model.format = GROUPNET_FORMAT;
  model.features = 1u << 31; /* of no processor that this version knows */
  CHECK(groupnet_create(&model, memory[0], BYTES, NULL, &instance) == GROUPNET_ERROR_CPU);
  model.features = GROUPNET_NEEDS_DOTPROD;
  groupnet_status status = groupnet_create(&model, memory[0], BYTES, NULL, &instance);
  CHECK(status == GROUPNET_OK || status == GROUPNET_ERROR_CPU);
  printf("dotprod %s\n", status == GROUPNET_OK ? "yes" : "no");
}

static void check_cores(const groupnet_model *model) {
  float x[VALUES] = {0};
  int cores[2] = {0, 0}, none[1] = {1 << 20};
  cpu_set_t allowed;
  groupnet_instance *instance;
  groupnet_options options = {2, none};
  CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  while (!CPU_ISSET((unsigned)cores[0], &allowed)) {
    ++cores[0];
  }
  cores[1] = cores[0];
  instance = make(model, 0, 3, cores);
  CHECK(groupnet_set_input(instance, 0, x, sizeof x) == GROUPNET_OK);
  CHECK(groupnet_run(instance) == GROUPNET_OK);
  CHECK(at_work == 7 && nested == 15 && pinned == 2);
  groupnet_destroy(instance);
  CHECK(groupnet_create(model, memory[0], BYTES, &options, &instance) == GROUPNET_ERROR_AFFINITY);
  CHECK(instance == NULL);
}

static void check_failures(const groupnet_model *fails, const groupnet_model *short_of_scratch, unsigned threads) {
  const groupnet_model *models[] = {fails, short_of_scratch};
  float x[VALUES] = {0};
  for (int i = 0; i < 2; ++i) {
    groupnet_instance *instance = make(models[i], 0, threads, NULL);
    CHECK(groupnet_set_input(instance, 0, x, sizeof x) == GROUPNET_OK);
    CHECK(groupnet_run(instance) == GROUPNET_ERROR_KERNEL);
    CHECK(groupnet_get_output(instance, 0, x, sizeof x) == GROUPNET_ERROR_ORDER);
    groupnet_destroy(instance);
  }
}

/* The linker's --wrap calls these: the runtime's pthread_create, and the system's. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
static _Thread_local int threads_left = -1; /* that the system starts for this one; below 0: any number */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  if (threads_left == 0) {
    return EAGAIN;
  }
  threads_left -= threads_left > 0 ? 1 : 0;
  return __real_pthread_create(thread, attributes, start, argument);
}

static void check_a_system_without_threads(const groupnet_model *model) {
  for (int left = 0; left < MOST_THREADS - 1; ++left) {
    groupnet_options options = {MOST_THREADS, NULL};
    groupnet_instance *instance;
    threads_left = left;
    CHECK(groupnet_create(model, memory[0], BYTES, &options, &instance) == GROUPNET_ERROR_THREADS);
    CHECK(instance == NULL);
  }
  threads_left = -1;
  run_sums(model, 0, MOST_THREADS, 1);
}

static void check_texts(void) {
  for (int status = GROUPNET_ERROR_VERSION; status <= GROUPNET_OK; ++status) {
    CHECK(strcmp(groupnet_status_text((groupnet_status)status), "an unknown status") != 0);
  }
  CHECK(strcmp(groupnet_status_text((groupnet_status)1), "an unknown status") == 0);
}

static void *other_thread(void *model) {
  run_sums(model, 1, 2, 100);
  return NULL;
}

int main(void) {
  groupnet_model sums = model_of(&adding, WORKSPACE), looks = model_of(&looking, 0);
  groupnet_model fails = model_of(&failing, WORKSPACE), poor = model_of(&adding, WORKSPACE - 64);
  pthread_t thread;
  check_arguments(&sums);
  check_other_models(sums);
  for (unsigned threads = 1; threads <= MOST_THREADS; ++threads) {
    run_sums(&sums, 0, threads, 50);
    check_failures(&fails, &poor, threads);
  }
  check_cores(&looks);
  check_a_system_without_threads(&sums);
  check_texts();
  CHECK(pthread_create(&thread, NULL, other_thread, &sums) == 0);
  run_sums(&sums, 0, 2, 100);
  CHECK(pthread_join(thread, NULL) == 0);
  printf("ok\n");
  return 0;
}
