/* Notes the time before and after every call that the Relax virtual machine makes.

   `__tvm_ffi_call_clock` has tvm-ffi's calling convention and is what the machine is told to call; a callback into
   Python would cost more than many a kernel. The others are called through ctypes. */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

enum { MAX_EVENTS = 1 << 16, INTEGER = 1 };

/* tvm-ffi's argument, as its C header lays it out. */
typedef struct {
  int32_t type_index;
  uint32_t padding;
  int64_t value;
} Argument;

static int64_t times_ns[MAX_EVENTS];
static int64_t events;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int __tvm_ffi_call_clock(void *self, const Argument *arguments, int32_t count, Argument *result) {
  (void)self, (void)arguments, (void)count;
  if (events < MAX_EVENTS) times_ns[events] = now_ns();
  events++;
  *result = (Argument){INTEGER, 0, 0}; /* the machine shall go on as it would have */
  return 0;
}

void call_clock_reset(void) { events = 0; }

/* Events since the reset, more than MAX_EVENTS if some were lost. */
int64_t call_clock_events(void) { return events; }

const int64_t *call_clock_times_ns(void) { return times_ns; }
