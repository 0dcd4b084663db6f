/* Features by the kernel's word (hwcap.h of Linux for arm64) or by cpuid. */
#include "processor.h"

#include <stddef.h>

#if defined(__aarch64__)
#include <sys/auxv.h>

static void write_names(json_writer *json) {
  static const struct {
    const char *name;
    unsigned long type;
    int bit;
  } known[] = {{"neon", AT_HWCAP, 1},    {"dotprod", AT_HWCAP, 20}, {"fp16", AT_HWCAP, 10},
               {"i8mm", AT_HWCAP2, 13},  {"bf16", AT_HWCAP2, 14},   {"SVE", AT_HWCAP, 22},
               {"SVE2", AT_HWCAP2, 1},   {"SME", AT_HWCAP2, 23},    {"SME2", AT_HWCAP2, 37}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    if ((getauxval(known[i].type) >> known[i].bit & 1) != 0) {
      json_string(json, NULL, known[i].name);
    }
  }
}

static const char MACHINE[] = "aarch64";
#elif defined(__x86_64__)
static void write_names(json_writer *json) {
  if (__builtin_cpu_supports("avx2")) {
    json_string(json, NULL, "avx2");
  }
  if (__builtin_cpu_supports("avx512f")) {
    json_string(json, NULL, "avx512");
  }
  if (__builtin_cpu_supports("avx512vpopcntdq")) {
    json_string(json, NULL, "avx512_vpopcntdq");
  }
  if (__builtin_cpu_supports("avx512vnni")) {
    json_string(json, NULL, "avx512_vnni");
  }
}

static const char MACHINE[] = "x86_64";
#else
#error "an arm64 or x86-64 processor"
#endif

void write_features(json_writer *json) {
  json_string(json, "machine", MACHINE);
  json_array(json, "features");
  write_names(json);
  json_end(json);
}
