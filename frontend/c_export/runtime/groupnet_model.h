/* What an exported model holds, and what its kernels call; only model.c and the runtime include this.
 *
 * Kernels have the calling convention of TVM's FFI: an array of tagged values, here always pointers to DLPack
 * tensors. Both layouts are written down below, so that nothing of either is needed to build.
 */
#ifndef GROUPNET_MODEL_H
#define GROUPNET_MODEL_H

#include "groupnet.h"

/* Goes up whenever an older model.o would be misread. */
#define GROUPNET_FORMAT 1u

/* Parts of an instance whose size depends on the C library; the runtime checks that they suffice. */
#define GROUPNET_INSTANCE_BYTES 1024u
#define GROUPNET_WORKER_BYTES 256u

/* Instruction sets that a model may need (`groupnet_model.features`). */
#define GROUPNET_NEEDS_DOTPROD 1u
#define GROUPNET_NEEDS_AVX2 2u /* and FMA */
#define GROUPNET_NEEDS_AVX512 4u /* F, BW, VL, VPOPCNTDQ and VNNI */

/* DLPack's DLTensor. */
typedef struct {
  void *data;
  int32_t device_type;
  int32_t device_id;
  int32_t rank;
  uint8_t type_code;
  uint8_t type_bits;
  uint16_t type_lanes;
  const int64_t *shape;
  const int64_t *strides; /* NULL: row-major without gaps */
  uint64_t byte_offset;
} groupnet_view;

/* TVMFFIAny. */
typedef struct {
  int32_t type_index;
  uint32_t padding;
  const void *pointer;
} groupnet_value;

typedef int (*groupnet_kernel)(void *self, const groupnet_value *arguments, int32_t count,
                               groupnet_value *result);

/* A tensor of the plan: where it lies, and where in `shapes` its extents begin. */
typedef struct {
  uint64_t offset; /* from the model's constants or from the instance's arena */
  uint32_t shape;
  uint8_t rank;
  uint8_t type_code;
  uint8_t type_bits;
  uint8_t in_arena;
} groupnet_slot;

/* One call: arguments `first` .. `first + count - 1` of the model's `arguments`. */
typedef struct {
  groupnet_kernel kernel;
  uint32_t first;
  uint32_t count;
} groupnet_step;

struct groupnet_model {
  uint32_t format;
  uint32_t features;
  const groupnet_info *info;
  const unsigned char *constants; /* packed weights, scales, shifts */
  const int64_t *shapes;
  const groupnet_slot *slots;
  uint32_t slot_count;
  uint32_t step_count;
  const groupnet_step *steps;
  const uint16_t *arguments; /* numbers of slots */
  uint32_t most_arguments; /* of one step */
  const uint16_t *inputs;
  const uint16_t *outputs;
  uint64_t arena_bytes;     /* tensors, at their peak */
  uint64_t workspace_bytes; /* scratch of one thread */
};

/* What kernels call: TVM's backend functions, under names that meet no others in a program. */
typedef struct {
  void *barrier; /* kernels use none */
  int32_t tasks;
} groupnet_group;

typedef int (*groupnet_task)(int index, groupnet_group *group, void *closure);

int groupnet_parallel_launch(groupnet_task task, void *closure, int tasks);
void *groupnet_allocate_workspace(int device_type, int device_id, uint64_t bytes, int type_code,
                                  int type_bits);
int groupnet_free_workspace(int device_type, int device_id, void *pointer);

#endif
