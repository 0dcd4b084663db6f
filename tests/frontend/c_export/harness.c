/* Runs an exported model: inputs one behind the other on stdin, outputs on stdout.
 *
 *     harness THREADS INSTANCES RUNS
 *
 * Each instance has a thread of its own, and all must compute the same in every run. MODEL and MEMORY_BYTES are
 * what model.h calls them.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define CHECK(condition)                                                                       \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                  \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)

enum { MOST_INSTANCES = 8 };

typedef struct {
  unsigned threads;
  int runs;
  unsigned char *inputs, *outputs;
} job;

static size_t total_bytes(const groupnet_tensor *tensors, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    bytes += tensors[i].bytes;
  }
  return bytes;
}

static void *run(void *argument) {
  const job *job_ = argument;
  const groupnet_info *info = groupnet_describe(&MODEL);
  const groupnet_options options = {job_->threads, NULL};
  size_t bytes = MEMORY_BYTES(job_->threads);
  void *memory = aligned_alloc(GROUPNET_ALIGNMENT, bytes);
  groupnet_instance *instance;
  CHECK(memory != NULL);
  CHECK(bytes == groupnet_memory_bytes(&MODEL, job_->threads));
  memset(memory, 0xA5, bytes);
  CHECK(groupnet_create(&MODEL, memory, bytes, &options, &instance) == GROUPNET_OK);
  for (int turn = 0; turn < job_->runs; ++turn) {
    size_t offset = 0;
    for (size_t i = 0; i < info->input_count; ++i) {
      CHECK(groupnet_set_input(instance, i, job_->inputs + offset, info->inputs[i].bytes) == GROUPNET_OK);
      offset += info->inputs[i].bytes;
    }
    CHECK(groupnet_run(instance) == GROUPNET_OK);
  }
  size_t offset = 0;
  for (size_t i = 0; i < info->output_count; ++i) {
    CHECK(groupnet_get_output(instance, i, job_->outputs + offset, info->outputs[i].bytes) == GROUPNET_OK);
    offset += info->outputs[i].bytes;
  }
  groupnet_destroy(instance);
  free(memory);
  return NULL;
}

int main(int argc, char **argv) {
  const groupnet_info *info = groupnet_describe(&MODEL);
  size_t input_bytes = total_bytes(info->inputs, info->input_count);
  size_t output_bytes = total_bytes(info->outputs, info->output_count);
  pthread_t threads[MOST_INSTANCES];
  job jobs[MOST_INSTANCES];
  CHECK(argc == 4);
  int instances = atoi(argv[2]);
  CHECK(instances >= 1 && instances <= MOST_INSTANCES);
  unsigned char *inputs = malloc(input_bytes), *outputs = malloc(output_bytes * (size_t)instances);
  CHECK(inputs != NULL && outputs != NULL);
  CHECK(fread(inputs, 1, input_bytes, stdin) == input_bytes && getchar() == EOF);
  for (int i = 0; i < instances; ++i) {
    jobs[i] = (job){(unsigned)atoi(argv[1]), atoi(argv[3]), inputs, outputs + output_bytes * (size_t)i};
    CHECK(pthread_create(&threads[i], NULL, run, &jobs[i]) == 0);
  }
  for (int i = 0; i < instances; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(memcmp(outputs, jobs[i].outputs, output_bytes) == 0);
  }
  CHECK(fwrite(outputs, 1, output_bytes, stdout) == output_bytes);
  free(inputs);
  free(outputs);
  return 0;
}
