/* Runs one kernel on tensors from standard input and writes all of them back, for kernels under qemu-aarch64.

   Input: int32 count of tensors; for each: int32 type code, int32 bits, int32 axes, int64 extents, then its data.
   Output: the data of each tensor after the call, in the same order. KERNEL is the kernel's symbol. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_TENSORS = 32, MAX_AXES = 8, TENSOR_POINTER = 7, CPU = 1 };

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

typedef struct { void *sync_handle; int32_t tasks; } ParallelGroup;
typedef int Task(int, ParallelGroup *, void *);

extern int KERNEL(void *, const Argument *, int32_t, Argument *);

/* Two tasks, one after the other: what a task leaves out, no other task makes up for. */
static int parallel_launch(Task *task, void *closure, int tasks) {
  (void)tasks;
  ParallelGroup group = {0, 2};
  return task(0, &group, closure) || task(1, &group, closure);
}

static void *alloc_workspace(int device_type, int device, uint64_t bytes, int code, int bits) {
  (void)device_type, (void)device, (void)code, (void)bits;
  return aligned_alloc(64, (bytes + 63) & ~(uint64_t)63);
}

static int free_workspace(int device_type, int device, void *start) {
  (void)device_type, (void)device;
  free(start);
  return 0;
}

/* Compiled code finds the runtime through these variables. */
void *__TVMBackendParallelLaunch = (void *)parallel_launch;
void *__TVMBackendAllocWorkspace = (void *)alloc_workspace;
void *__TVMBackendFreeWorkspace = (void *)free_workspace;

void TVMFFIErrorSetRaisedFromCStrParts(const char *kind, const char **parts, int32_t count) {
  fprintf(stderr, "%s: ", kind);
  for (int i = 0; i < count; i++) fputs(parts[i] ? parts[i] : "", stderr);
  fputc('\n', stderr);
}

static void take(void *to, size_t bytes) {
  if (fread(to, 1, bytes, stdin) != bytes) {
    fprintf(stderr, "expected %zu more bytes on standard input\n", bytes);
    exit(1);
  }
}

int main(void) {
  static Tensor tensors[MAX_TENSORS];
  static Argument arguments[MAX_TENSORS];
  static int64_t shapes[MAX_TENSORS][MAX_AXES];
  static size_t sizes[MAX_TENSORS];
  int32_t count;
  take(&count, sizeof count);
  if (count > MAX_TENSORS) abort();
  for (int i = 0; i < count; i++) {
    int32_t type[3];
    take(type, sizeof type);
    if (type[2] > MAX_AXES) abort();
    take(shapes[i], type[2] * sizeof(int64_t));
    sizes[i] = type[1] / 8;
    for (int axis = 0; axis < type[2]; axis++) sizes[i] *= shapes[i][axis];
    void *data = aligned_alloc(64, (sizes[i] + 63) & ~(size_t)63);
    if (!data) abort();
    take(data, sizes[i]);
    tensors[i] = (Tensor){data, {CPU, 0}, type[2], {type[0], type[1], 1}, shapes[i], 0, 0};
    arguments[i] = (Argument){TENSOR_POINTER, 0, &tensors[i]};
  }
  Argument result = {0};
  if (KERNEL(0, arguments, count, &result)) return 1;
  for (int i = 0; i < count; i++) fwrite(tensors[i].data, 1, sizes[i], stdout);
  return 0;
}
