/* Calls every kernel of `kernels.h` once, between marks, with the few runtime functions that kernels need.

   `kernels.h` is generated: a declaration of each kernel, and `calls`, a table of kernels with the shapes and types of
   their tensors. Tensors hold zeros: no kernel's path depends on their contents. The first call is of an empty
   kernel: what it costs is the cost of calling, which the reader of the counts takes off the others. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_TENSORS = 64, MAX_AXES = 8, TENSOR_POINTER = 7, CPU = 1, WORKSPACE_BYTES = 1 << 26 };

/* DLPack's tensor and tvm-ffi's argument, as their C headers lay them out. */
typedef struct {
  void *data;
  struct { int32_t type, id; } device;
  int32_t axes;
  struct { uint8_t code, bits; uint16_t lanes; } dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Tensor;
typedef struct { int32_t type_index; uint32_t padding; void *pointer; } Argument;
typedef int Kernel(void *, const Argument *, int32_t, Argument *);

typedef struct { int axes; int64_t shape[MAX_AXES]; uint8_t code, bits; } TensorType;
typedef struct { Kernel *kernel; const char *name; int tensors; TensorType types[MAX_TENSORS]; } Call;

typedef struct { void *sync_handle; int32_t tasks; } ParallelGroup;
typedef int Task(int, ParallelGroup *, void *);

/* One thread: a phone's kernel executes these instructions too, shared among its cores. */
static int parallel_launch(Task *task, void *closure, int tasks) {
  (void)tasks;
  ParallelGroup alone = {0, 1};
  return task(0, &alone, closure);
}

static _Alignas(64) char workspace[WORKSPACE_BYTES];
static size_t workspace_used;

static void *alloc_workspace(int device_type, int device, uint64_t bytes, int code, int bits) {
  (void)device_type, (void)device, (void)code, (void)bits;
  void *start = workspace + workspace_used;
  workspace_used += (bytes + 63) & ~(uint64_t)63;
  if (workspace_used > sizeof workspace) abort();
  return start;
}

static int free_workspace(int device_type, int device, void *start) {
  (void)device_type, (void)device;
  workspace_used = (char *)start - workspace; /* freed in the reverse order */
  return 0;
}

/* Compiled code finds the runtime through these variables. */
Task *__TVMBackendParallelLaunch = (Task *)(void *)parallel_launch;
void *__TVMBackendAllocWorkspace = (void *)alloc_workspace;
void *__TVMBackendFreeWorkspace = (void *)free_workspace;

void TVMFFIErrorSetRaisedFromCStrParts(const char *kind, const char **parts, int32_t count) {
  fprintf(stderr, "%s: ", kind);
  for (int i = 0; i < count; i++) fputs(parts[i] ? parts[i] : "", stderr);
  fputc('\n', stderr);
}

static int empty(void *self, const Argument *arguments, int32_t count, Argument *result) {
  (void)self, (void)arguments, (void)count, (void)result;
  return 0;
}

/* Where the plugin takes its snapshots. */
__attribute__((noipa)) void counting_mark(void) {}

#include "kernels.h"

static void *zeros(const TensorType *type) {
  size_t bytes = (type->bits + 7) / 8;
  for (int i = 0; i < type->axes; i++) bytes *= type->shape[i];
  bytes = (bytes + 63) & ~(size_t)63;
  void *start = aligned_alloc(64, bytes ? bytes : 64);
  if (!start) abort();
  return __builtin_memset(start, 0, bytes);
}

static void call(const Call *this) {
  Tensor tensors[MAX_TENSORS];
  Argument arguments[MAX_TENSORS];
  Argument result = {0};
  for (int i = 0; i < this->tensors; i++) {
    const TensorType *type = &this->types[i];
    tensors[i] = (Tensor){zeros(type), {CPU, 0}, type->axes, {type->code, type->bits, 1}, (int64_t *)type->shape, 0, 0};
    arguments[i] = (Argument){TENSOR_POINTER, 0, &tensors[i]};
  }
  counting_mark();
  int status = this->kernel(0, arguments, this->tensors, &result);
  counting_mark();
  if (status) {
    fprintf(stderr, "%s failed\n", this->name);
    exit(1);
  }
  for (int i = 0; i < this->tensors; i++) free(tensors[i].data);
}

int main(void) {
  static const Call nothing = {empty, "empty", 0, {{0}}};
  call(&nothing);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) call(&calls[i]);
  return 0;
}
