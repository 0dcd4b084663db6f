/* Runs the model once.
 *
 *     example INPUT [EXPECTED [THREADS]]
 *
 * INPUT holds the values of input 0 as they lie in memory, EXPECTED float32 values to compare output 0 with;
 * `input.bin` and `output.bin` beside this file are an example and what PyTorch computes for it; further outputs
 * lie behind output 0.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

enum { MOST_THREADS = 4 };

static _Alignas(GROUPNET_ALIGNMENT) unsigned char memory[@MODEL@_MEMORY_BYTES(MOST_THREADS)];
static unsigned char input[@MODEL@_INPUT_0_BYTES];
static float output[@MODEL@_OUTPUT_0_BYTES / sizeof(float)];
static float expected[@MODEL@_OUTPUT_0_BYTES / sizeof(float)];

static int read_file(const char *path, void *data, size_t bytes) {
  FILE *file = fopen(path, "rb");
  size_t got = file == NULL ? 0 : fread(data, 1, bytes, file);
  if (file != NULL) {
    fclose(file);
  }
  if (got != bytes) {
    fprintf(stderr, "expected %zu bytes in %s; got %zu\n", bytes, path, got);
    return -1;
  }
  return 0;
}

static int run(const void *image, unsigned threads) {
  const groupnet_options options = {threads, NULL};
  groupnet_instance *instance = NULL;
  groupnet_status status = groupnet_create(&@model@, memory, sizeof memory, &options, &instance);
  if (status == GROUPNET_OK) {
    status = groupnet_set_input(instance, 0, image, @MODEL@_INPUT_0_BYTES);
  }
  if (status == GROUPNET_OK) {
    status = groupnet_run(instance);
  }
  if (status == GROUPNET_OK) {
    status = groupnet_get_output(instance, 0, output, sizeof output);
  }
  groupnet_destroy(instance);
  if (status != GROUPNET_OK) {
    fprintf(stderr, "error: %s\n", groupnet_status_text(status));
    return -1;
  }
  return 0;
}

int main(int argc, char **argv) {
  const groupnet_info *info = groupnet_describe(&@model@);
  const size_t values = sizeof output / sizeof output[0];
  size_t largest = 0;
  long threads = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
  if (argc < 2 || argc > 4 || threads < 1 || threads > MOST_THREADS) {
    fprintf(stderr, "usage: %s INPUT [EXPECTED [THREADS up to %d]]\n", argv[0], MOST_THREADS);
    return 2;
  }
  if (read_file(argv[1], input, sizeof input) != 0 || run(input, (unsigned)threads) != 0) {
    return 1;
  }
  for (size_t i = 1; i < values; ++i) {
    largest = output[i] > output[largest] ? i : largest;
  }
  printf("%s (%s, for %s): %zu outputs, the largest is %g at %zu", info->name, info->task, info->target, values,
         (double)output[largest], largest);
  if (info->label_count == values) {
    printf(": %s", info->labels[largest]);
  }
  printf("\n");
  if (argc > 2) {
    double difference = 0;
    if (read_file(argv[2], expected, sizeof expected) != 0) {
      return 1;
    }
    for (size_t i = 0; i < values; ++i) {
      double distance = fabs((double)output[i] - (double)expected[i]);
      /* As a maximum of the C library, this loop makes GCC 12 fail for arm64. */
      difference = distance > difference ? distance : difference;
    }
    printf("largest difference from %s: %g\n", argv[2], difference);
  }
  return 0;
}
