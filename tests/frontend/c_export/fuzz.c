/* Misuses an exported model at random and checks every answer; prints "ok", or the line that failed.
 *
 *     fuzz SEED ROUNDS
 *
 * All that a call may touch ends where a page begins that nobody may touch, so that one byte too far is a crash even
 * in kernels, which no sanitizer sees into. MODEL and MEMORY_BYTES are what model.h calls them.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "groupnet_model.h"
#include "model.h"

#define CHECK(condition)                                                                       \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      fprintf(stderr, "round %ld, line %d: %s\n", round_number, __LINE__, #condition);         \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)

enum { MOST_THREADS = 3, MOST_TENSORS = 8, ACTIONS = 12, CANARY = 0xC3, KINDS_OF_VALUES = 7 };

static long round_number;
static uint64_t state;

static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static size_t below(size_t limit) { return (size_t)(random_bits() % limit); }

/* `bytes` bytes that end at a forbidden page; before them a page of canaries. */
static unsigned char *fenced(size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page + page;
  unsigned char *start = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(start != MAP_FAILED && mprotect(start + room, page, PROT_NONE) == 0);
  memset(start, CANARY, room);
  return start + room - bytes;
}

static void check_canaries(const unsigned char *fence) {
  for (int i = 1; i <= 256; ++i) {
    CHECK(fence[-i] == CANARY);
  }
}

/* Bytes, or floats among which are none that are numbers. */
static void fill(unsigned char *data, const groupnet_tensor *tensor) {
  const float odd[KINDS_OF_VALUES] = {NAN, -NAN, INFINITY, -INFINITY, FLT_MAX, FLT_MIN / 4, -0.0f};
  size_t kind = below(4);
  for (size_t i = 0; i < tensor->bytes; ++i) {
    data[i] = (unsigned char)random_bits();
  }
  for (size_t i = 0; kind > 0 && tensor->type == GROUPNET_FLOAT32 && i + 4 <= tensor->bytes; i += 4) {
    float value = kind == 1 || below(8) == 0 ? odd[below(KINDS_OF_VALUES)] : (float)below(1000) / 250 - 2;
    memcpy(data + i, &value, sizeof value);
  }
}

static size_t wrong_size(size_t right) {
  const size_t sizes[] = {0, right - 1, right + 1, right * 2, SIZE_MAX, SIZE_MAX / 2, below(1 << 20)};
  size_t size = sizes[below(sizeof sizes / sizeof sizes[0])];
  return size == right ? right + 1 : size;
}

/* What a caller may get wrong about one tensor, and what is answered. */
typedef struct {
  size_t index, bytes;
  int is_null;
  groupnet_status answer;
} attempt;

static attempt random_attempt(const groupnet_tensor *tensors, size_t count) {
  attempt made = {below(count), 0, 0, GROUPNET_OK};
  made.bytes = tensors[made.index].bytes;
  size_t fault = below(8);
  if (fault == 0) {
    made.bytes = wrong_size(made.bytes);
    made.answer = GROUPNET_ERROR_SIZE;
  } else if (fault == 1) {
    made.index = below(2) == 0 ? count : (size_t)random_bits() | 64;
    made.answer = GROUPNET_ERROR_ARGUMENT;
  } else if (fault == 2) {
    made.is_null = 1;
    made.answer = GROUPNET_ERROR_ARGUMENT;
  }
  return made;
}

static void check_metadata(unsigned char *memory) {
  groupnet_model changed = MODEL;
  groupnet_instance *instance = (groupnet_instance *)(void *)memory;
  unsigned threads = (unsigned)random_bits();
  size_t bytes = groupnet_memory_bytes(&MODEL, threads);
  uint32_t known = 0;
  CHECK((bytes == 0) == (threads == 0 || threads > GROUPNET_MAX_THREADS));
  for (uint32_t bit = 1; bit != 0; bit <<= 1) {
    changed.features = bit;
    known |= groupnet_check(&changed) == GROUPNET_OK ? bit : 0;
  }
  changed.features = (uint32_t)random_bits();
  CHECK(groupnet_check(&changed) == ((changed.features & ~known) == 0 ? GROUPNET_OK : GROUPNET_ERROR_CPU));
  changed = MODEL;
  changed.format = (uint32_t)random_bits();
  if (changed.format != GROUPNET_FORMAT) {
    CHECK(groupnet_check(&changed) == GROUPNET_ERROR_VERSION && groupnet_memory_bytes(&changed, 1) == 0);
    CHECK(groupnet_create(&changed, memory, MEMORY_BYTES(1), NULL, &instance) == GROUPNET_ERROR_VERSION);
    CHECK(instance == NULL);
  }
}

static groupnet_instance *create(unsigned char *memory, size_t bytes, unsigned threads) {
  const groupnet_options options = {threads, NULL};
  groupnet_instance *instance = NULL;
  size_t less = 1 + below(bytes), off = 1 + below(GROUPNET_ALIGNMENT - 1);
  CHECK(groupnet_create(&MODEL, memory, bytes - less, &options, &instance) == GROUPNET_ERROR_MEMORY);
  CHECK(groupnet_create(&MODEL, memory - off, bytes, &options, &instance) == GROUPNET_ERROR_MEMORY);
  CHECK(instance == NULL);
  CHECK(groupnet_create(&MODEL, memory, bytes, &options, &instance) == GROUPNET_OK && instance != NULL);
  return instance;
}

/* Inputs and outputs one behind the other would hide a byte too far: each has a fence of its own. */
typedef struct {
  unsigned char *inputs[MOST_TENSORS], *outputs[MOST_TENSORS], *again[MOST_TENSORS];
} buffers;

static buffers make_buffers(const groupnet_info *info) {
  buffers made = {{NULL}, {NULL}, {NULL}};
  CHECK(info->input_count <= MOST_TENSORS && info->output_count <= MOST_TENSORS);
  for (size_t i = 0; i < info->input_count; ++i) {
    made.inputs[i] = fenced(info->inputs[i].bytes);
  }
  for (size_t i = 0; i < info->output_count; ++i) {
    made.outputs[i] = fenced(info->outputs[i].bytes);
    made.again[i] = fenced(info->outputs[i].bytes);
  }
  return made;
}

static void misuse(groupnet_instance *instance, const groupnet_info *info, const buffers *at) {
  unsigned char set[MOST_TENSORS] = {0};
  int ran = 0;
  for (int action = 0; action < ACTIONS; ++action) {
    size_t choice = below(3);
    if (choice == 0) {
      attempt one = random_attempt(info->inputs, info->input_count);
      unsigned char *data = at->inputs[one.index < info->input_count ? one.index : 0];
      if (one.answer == GROUPNET_OK) {
        fill(data, &info->inputs[one.index]);
        set[one.index] = 1;
      }
      CHECK(groupnet_set_input(instance, one.index, one.is_null ? NULL : data, one.bytes) == one.answer);
    } else if (choice == 1) {
      int ready = memchr(set, 0, info->input_count) == NULL;
      CHECK(groupnet_run(instance) == (ready ? GROUPNET_OK : GROUPNET_ERROR_ORDER));
      ran |= ready;
    } else {
      attempt one = random_attempt(info->outputs, info->output_count);
      unsigned char *data = at->outputs[one.index < info->output_count ? one.index : 0];
      groupnet_status answer = one.answer != GROUPNET_ERROR_ARGUMENT && !ran ? GROUPNET_ERROR_ORDER : one.answer;
      CHECK(groupnet_get_output(instance, one.index, one.is_null ? NULL : data, one.bytes) == answer);
    }
  }
}

/* After whatever went wrong, a run is a run: the same inputs give the same bits. */
static void check_that_it_still_works(groupnet_instance *instance, const groupnet_info *info, const buffers *at) {
  for (size_t i = 0; i < info->input_count; ++i) {
    fill(at->inputs[i], &info->inputs[i]);
    CHECK(groupnet_set_input(instance, i, at->inputs[i], info->inputs[i].bytes) == GROUPNET_OK);
  }
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(groupnet_run(instance) == GROUPNET_OK);
    for (size_t i = 0; i < info->output_count; ++i) {
      unsigned char *to = turn == 0 ? at->outputs[i] : at->again[i];
      CHECK(groupnet_get_output(instance, i, to, info->outputs[i].bytes) == GROUPNET_OK);
      CHECK(turn == 0 || memcmp(at->outputs[i], at->again[i], info->outputs[i].bytes) == 0);
      check_canaries(to);
    }
  }
}

int main(int argc, char **argv) {
  const groupnet_info *info = groupnet_describe(&MODEL);
  unsigned char *memory[MOST_THREADS + 1] = {NULL};
  CHECK(argc == 3);
  state = strtoull(argv[1], NULL, 10) * 2654435761u + 1;
  long rounds = strtol(argv[2], NULL, 10);
  buffers at = make_buffers(info);
  for (unsigned threads = 1; threads <= MOST_THREADS; ++threads) {
    memory[threads] = fenced(MEMORY_BYTES(threads));
  }
  for (round_number = 0; round_number < rounds; ++round_number) {
    unsigned threads = 1 + (unsigned)below(MOST_THREADS);
    check_metadata(memory[1]);
    groupnet_instance *instance = create(memory[threads], MEMORY_BYTES(threads), threads);
    misuse(instance, info, &at);
    check_that_it_still_works(instance, info, &at);
    groupnet_destroy(instance);
    check_canaries(memory[threads]);
  }
  printf("ok\n");
  return 0;
}
