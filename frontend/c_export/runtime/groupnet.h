/* Runs an exported model: plain C, no allocation, any number of instances side by side.
 *
 *     static _Alignas(GROUPNET_ALIGNMENT) unsigned char memory[DIGITS_K3_MEMORY_BYTES(1)];
 *     groupnet_instance *instance;
 *     groupnet_create(&digits_k3, memory, sizeof memory, NULL, &instance);
 *     groupnet_set_input(instance, 0, image, DIGITS_K3_INPUT_0_BYTES);
 *     groupnet_run(instance);
 *     groupnet_get_output(instance, 0, scores, DIGITS_K3_OUTPUT_0_BYTES);
 *     groupnet_destroy(instance);
 *
 * A model is constant data that any number of instances share. An instance lives in memory that the caller
 * gives; after `groupnet_create` nothing is allocated. Different instances may be used by different threads
 * at the same time; one instance by one thread at a time.
 *
 * Every function that can fail returns GROUPNET_OK (0) or a groupnet_status below 0.
 */
#ifndef GROUPNET_H
#define GROUPNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of an instance begins at a multiple of this many bytes. */
#define GROUPNET_ALIGNMENT 64

/* More threads than this are refused. */
#define GROUPNET_MAX_THREADS 64

typedef enum {
  GROUPNET_OK = 0,
  GROUPNET_ERROR_ARGUMENT = -1,  /* a null pointer, an index or a number of threads out of range */
  GROUPNET_ERROR_SIZE = -2,      /* the bytes given are not the tensor's */
  GROUPNET_ERROR_MEMORY = -3,    /* the caller's memory is too small or not aligned */
  GROUPNET_ERROR_CPU = -4,       /* this processor lacks instructions that the model is compiled to */
  GROUPNET_ERROR_THREADS = -5,   /* the system did not start a thread */
  GROUPNET_ERROR_AFFINITY = -6,  /* the system did not let a thread stay on its core */
  GROUPNET_ERROR_ORDER = -7,     /* run before every input was set, or an output read before a run */
  GROUPNET_ERROR_KERNEL = -8,    /* a kernel failed */
  GROUPNET_ERROR_VERSION = -9    /* the model was exported for another version of this runtime */
} groupnet_status;

typedef enum {
  GROUPNET_FLOAT32 = 0,
  GROUPNET_INT32 = 1,
  GROUPNET_UINT32 = 2,
  GROUPNET_INT8 = 3,
  GROUPNET_UINT8 = 4,
  GROUPNET_INT64 = 5,
  GROUPNET_BOOL = 6 /* one byte, 0 or 1 */
} groupnet_type;

/* An input or output. Its values lie in row-major order without gaps; images are NHWC. */
typedef struct {
  const char *name;
  groupnet_type type;
  int32_t rank;
  const int64_t *shape; /* `rank` extents */
  size_t bytes;
} groupnet_tensor;

/* What a model is, beside its weights and code. */
typedef struct {
  const char *name;
  const char *task; /* for example "classification" */
  const char *target; /* what it was compiled for */
  size_t label_count; /* 0 where classes have no names */
  const char *const *labels;
  size_t input_count;
  const groupnet_tensor *inputs;
  size_t output_count;
  const groupnet_tensor *outputs;
} groupnet_info;

typedef struct groupnet_model groupnet_model;
typedef struct groupnet_instance groupnet_instance;

typedef struct {
  unsigned threads; /* threads that share a run's work, the caller's own among them; at least 1 */
  /* The core of each thread behind the caller's, `threads - 1` entries, or NULL to leave them to the system.
   * The caller's own thread is never moved. */
  const int *worker_cores;
} groupnet_options;

/* What the model is; NULL for a null pointer. */
const groupnet_info *groupnet_describe(const groupnet_model *model);

/* Bytes that an instance with `threads` threads needs; 0 where an argument is out of range. */
size_t groupnet_memory_bytes(const groupnet_model *model, unsigned threads);

/* Whether this processor and this runtime can run the model; GROUPNET_OK where they can. */
groupnet_status groupnet_check(const groupnet_model *model);

/* Makes an instance in `memory`, which is `bytes` long, aligned to GROUPNET_ALIGNMENT and the instance's until
 * it is destroyed. `options` may be NULL: one thread, the caller's. On an error `*instance` is NULL. */
groupnet_status groupnet_create(const groupnet_model *model, void *memory, size_t bytes,
                                const groupnet_options *options, groupnet_instance **instance);

/* Copies input `index` in; `bytes` must be its size. It stays for any number of runs. */
groupnet_status groupnet_set_input(groupnet_instance *instance, size_t index, const void *data, size_t bytes);

/* Computes every output from the inputs. */
groupnet_status groupnet_run(groupnet_instance *instance);

/* As `groupnet_run`; tells the observer how many of the model's calls are done: 0 before the first, then each
 * number up to all of them. It is called by the thread that calls this. */
typedef void (*groupnet_observer)(void *context, uint32_t calls);
groupnet_status groupnet_run_observed(groupnet_instance *instance, groupnet_observer observer, void *context);

/* Copies output `index` of the last run out; `bytes` must be its size. */
groupnet_status groupnet_get_output(const groupnet_instance *instance, size_t index, void *data, size_t bytes);

/* Ends the instance's threads; its memory is the caller's again. NULL is allowed. */
void groupnet_destroy(groupnet_instance *instance);

/* One sentence in English. */
const char *groupnet_status_text(groupnet_status status);

#ifdef __cplusplus
}
#endif

#endif
