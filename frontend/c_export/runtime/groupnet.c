/* Instances: their layout in the caller's memory, their tensors, and the calls of a run. */
#include "groupnet.h"

#include <stdbool.h>
#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "groupnet_pool.h"

enum { CPU_DEVICE = 1, VIEW_TAG = 7 /* DLPack's kDLCPU, the FFI's "pointer to a DLTensor" */ };

struct groupnet_instance {
  const groupnet_model *model;
  groupnet_pool pool;
  groupnet_context context; /* of the caller's thread */
  groupnet_view *views;     /* one for each slot */
  groupnet_value *values;   /* arguments of the step that runs */
  unsigned char *input_set; /* one for each input */
  bool ran;
};

_Static_assert(sizeof(groupnet_instance) <= GROUPNET_INSTANCE_BYTES, "raise GROUPNET_INSTANCE_BYTES");
_Static_assert(sizeof(groupnet_worker) <= GROUPNET_WORKER_BYTES, "raise GROUPNET_WORKER_BYTES");
_Static_assert(sizeof(groupnet_view) == 48 && sizeof(groupnet_value) == 16, "a 64-bit processor");

/* Where the parts of an instance begin, in bytes from its own beginning; each at GROUPNET_ALIGNMENT. */
typedef struct {
  size_t views, values, input_set, arena, workers, workspaces, end;
} instance_layout;

static size_t aligned(size_t bytes) {
  return (bytes + GROUPNET_ALIGNMENT - 1) / GROUPNET_ALIGNMENT * GROUPNET_ALIGNMENT;
}

/* `Plan.memory_bytes` of the exporter computes the same sum. */
static instance_layout lay_out(const groupnet_model *model, unsigned threads) {
  instance_layout at;
  at.views = aligned(GROUPNET_INSTANCE_BYTES);
  at.values = at.views + aligned(model->slot_count * sizeof(groupnet_view));
  at.input_set = at.values + aligned(model->most_arguments * sizeof(groupnet_value));
  at.arena = at.input_set + aligned(model->info->input_count);
  at.workers = at.arena + aligned((size_t)model->arena_bytes);
  at.workspaces = at.workers + threads * aligned(GROUPNET_WORKER_BYTES);
  at.end = at.workspaces + threads * aligned((size_t)model->workspace_bytes);
  return at;
}

/* Which of the instruction sets that models may need this processor has. */
static uint32_t processor_features(void) {
  uint32_t found = 0;
#if defined(__aarch64__) && defined(__linux__)
  const unsigned long asimddp = 1ul << 20; /* HWCAP_ASIMDDP */
  found |= (getauxval(AT_HWCAP) & asimddp) != 0 ? GROUPNET_NEEDS_DOTPROD : 0;
#elif defined(__x86_64__)
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vpopcntdq") &&
                __builtin_cpu_supports("avx512vnni");
  found |= avx2 ? GROUPNET_NEEDS_AVX2 : 0;
  found |= avx512 ? GROUPNET_NEEDS_AVX512 : 0;
#endif
  return found;
}

const groupnet_info *groupnet_describe(const groupnet_model *model) {
  return model == NULL ? NULL : model->info;
}

size_t groupnet_memory_bytes(const groupnet_model *model, unsigned threads) {
  if (model == NULL || model->format != GROUPNET_FORMAT || threads == 0 || threads > GROUPNET_MAX_THREADS) {
    return 0;
  }
  return lay_out(model, threads).end;
}

groupnet_status groupnet_check(const groupnet_model *model) {
  if (model == NULL) {
    return GROUPNET_ERROR_ARGUMENT;
  }
  if (model->format != GROUPNET_FORMAT) {
    return GROUPNET_ERROR_VERSION;
  }
  return (model->features & ~processor_features()) != 0 ? GROUPNET_ERROR_CPU : GROUPNET_OK;
}

static void point_views(const groupnet_model *model, groupnet_view *views, unsigned char *arena) {
  for (uint32_t i = 0; i < model->slot_count; ++i) {
    const groupnet_slot *slot = &model->slots[i];
    /* Kernels write to no constant; DLPack's pointers have no const. */
    unsigned char *base = slot->in_arena ? arena : (unsigned char *)(uintptr_t)model->constants;
    views[i] = (groupnet_view){base + slot->offset, CPU_DEVICE, 0, slot->rank, slot->type_code, slot->type_bits, 1,
                               model->shapes + slot->shape, NULL, 0};
  }
}

groupnet_status groupnet_create(const groupnet_model *model, void *memory, size_t bytes,
                                const groupnet_options *options, groupnet_instance **instance) {
  static const groupnet_options single = {1, NULL};
  unsigned char *base = memory;
  if (instance == NULL) {
    return GROUPNET_ERROR_ARGUMENT;
  }
  *instance = NULL;
  options = options == NULL ? &single : options;
  if (model == NULL || memory == NULL || options->threads == 0 || options->threads > GROUPNET_MAX_THREADS) {
    return GROUPNET_ERROR_ARGUMENT;
  }
  groupnet_status status = groupnet_check(model);
  if (status != GROUPNET_OK) {
    return status;
  }
  unsigned workers = options->threads - 1;
  for (unsigned i = 0; options->worker_cores != NULL && i < workers; ++i) {
    if (options->worker_cores[i] < 0) {
      return GROUPNET_ERROR_ARGUMENT;
    }
  }
  instance_layout at = lay_out(model, options->threads);
  if (bytes < at.end || (uintptr_t)memory % GROUPNET_ALIGNMENT != 0) {
    return GROUPNET_ERROR_MEMORY;
  }
  memset(base, 0, at.arena);
  groupnet_instance *made = memory;
  made->model = model;
  made->views = (groupnet_view *)(void *)(base + at.views);
  made->values = (groupnet_value *)(void *)(base + at.values);
  made->input_set = base + at.input_set;
  point_views(model, made->views, base + at.arena);
  size_t workspace = aligned((size_t)model->workspace_bytes);
  made->context = (groupnet_context){&made->pool, base + at.workspaces, workspace, 0};
  groupnet_worker *worker = (groupnet_worker *)(void *)(base + at.workers);
  for (unsigned i = 0; i < workers; ++i) {
    worker[i].context = (groupnet_context){NULL, base + at.workspaces + (i + 1) * workspace, workspace, 0};
    worker[i].core = options->worker_cores == NULL ? -1 : options->worker_cores[i];
  }
  status = groupnet_pool_start(&made->pool, worker, workers);
  *instance = status == GROUPNET_OK ? made : NULL;
  return status;
}

groupnet_status groupnet_set_input(groupnet_instance *instance, size_t index, const void *data, size_t bytes) {
  if (instance == NULL || data == NULL || index >= instance->model->info->input_count) {
    return GROUPNET_ERROR_ARGUMENT;
  }
  if (bytes != instance->model->info->inputs[index].bytes) {
    return GROUPNET_ERROR_SIZE;
  }
  memcpy(instance->views[instance->model->inputs[index]].data, data, bytes);
  instance->input_set[index] = 1;
  return GROUPNET_OK;
}

static int call_step(groupnet_instance *instance, const groupnet_step *step) {
  const uint16_t *argument = instance->model->arguments + step->first;
  groupnet_value result = {0, 0, NULL};
  for (uint32_t i = 0; i < step->count; ++i) {
    instance->values[i] = (groupnet_value){VIEW_TAG, 0, &instance->views[argument[i]]};
  }
  return step->kernel(NULL, instance->values, (int32_t)step->count, &result);
}

/* Runs every call; the observer may be NULL. */
static groupnet_status run_steps(groupnet_instance *instance, groupnet_observer observer, void *observed) {
  const groupnet_model *model = instance->model;
  for (size_t i = 0; i < model->info->input_count; ++i) {
    if (!instance->input_set[i]) {
      return GROUPNET_ERROR_ORDER;
    }
  }
  groupnet_context *former = groupnet_enter(&instance->context);
  int failed = 0;
  if (observer != NULL) {
    observer(observed, 0);
  }
  for (uint32_t i = 0; i < model->step_count && !failed; ++i) {
    failed = call_step(instance, &model->steps[i]);
    if (observer != NULL && !failed) {
      observer(observed, i + 1);
    }
  }
  groupnet_enter(former);
  instance->ran = !failed;
  return failed ? GROUPNET_ERROR_KERNEL : GROUPNET_OK;
}

groupnet_status groupnet_run(groupnet_instance *instance) {
  return instance == NULL ? GROUPNET_ERROR_ARGUMENT : run_steps(instance, NULL, NULL);
}

groupnet_status groupnet_run_observed(groupnet_instance *instance, groupnet_observer observer, void *context) {
  return instance == NULL || observer == NULL ? GROUPNET_ERROR_ARGUMENT : run_steps(instance, observer, context);
}

groupnet_status groupnet_get_output(const groupnet_instance *instance, size_t index, void *data, size_t bytes) {
  if (instance == NULL || data == NULL || index >= instance->model->info->output_count) {
    return GROUPNET_ERROR_ARGUMENT;
  }
  if (!instance->ran) {
    return GROUPNET_ERROR_ORDER;
  }
  if (bytes != instance->model->info->outputs[index].bytes) {
    return GROUPNET_ERROR_SIZE;
  }
  memcpy(data, instance->views[instance->model->outputs[index]].data, bytes);
  return GROUPNET_OK;
}

void groupnet_destroy(groupnet_instance *instance) {
  if (instance != NULL && instance->pool.workers != 0) {
    groupnet_pool_stop(&instance->pool);
  }
}

const char *groupnet_status_text(groupnet_status status) {
  switch (status) {
    case GROUPNET_OK:
      return "no error";
    case GROUPNET_ERROR_ARGUMENT:
      return "a null pointer, or an index or a number of threads out of range";
    case GROUPNET_ERROR_SIZE:
      return "the number of bytes is not the tensor's";
    case GROUPNET_ERROR_MEMORY:
      return "the memory given is too small or not aligned to 64 bytes";
    case GROUPNET_ERROR_CPU:
      return "this processor lacks instructions that the model is compiled to";
    case GROUPNET_ERROR_THREADS:
      return "the system did not start a thread";
    case GROUPNET_ERROR_AFFINITY:
      return "the system did not let a thread stay on its core";
    case GROUPNET_ERROR_ORDER:
      return "run before every input was set, or an output read before a run";
    case GROUPNET_ERROR_KERNEL:
      return "a kernel failed";
    case GROUPNET_ERROR_VERSION:
      return "the model was exported for another version of this runtime";
  }
  return "an unknown status";
}
