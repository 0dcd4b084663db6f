// What a core multiplies at most: loops on registers, for `groupnet bench --profile` to compare kernels with.
#include "ceilings.h"

#ifdef __aarch64__  // elsewhere nothing is registered

#include <arm_neon.h>
#include <sys/auxv.h>
#include <tvm/ffi/reflection/registry.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

// As in tvm/runtime/c_backend_api.h: what parallel kernels call, and so on the cores that they have.
extern "C" int TVMBackendParallelLaunch(int (*task)(int number, void* group, void* data), void* data,
                                        int tasks);

namespace groupnet {
namespace {

constexpr uint64_t kHasDotProduct = 1 << 20;  // HWCAP_ASIMDDP
// Products of one step, which has so many accumulators that none waits for another and all stay in registers.
constexpr int kBinaryMacs = 12 * 128;
constexpr int kFloatMacs = 16 * 4;
constexpr int kBursts = 10;
constexpr double kBurst_s = 4e-3;  // long beside reading the clock, short beside a change of the core's
constexpr double kWarmUp_s = 0.1;  // in which a governor raises the clock

// Accumulators are operands too, so that no step can be left out or moved. Each is a variable of its own:
// compilers keep arrays of them in memory.
#define EACH_OF_12(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define EACH_OF_16(DO) EACH_OF_12(DO) DO(12) DO(13) DO(14) DO(15)
// Seen by nobody, but needed for all that the compiler knows.
#define USED(i) __asm__ volatile("" : : "w"(sum##i));

void AddPairs(uint64_t steps) {
  const uint8x16_t weight = vdupq_n_u8(0x5B);
#define BEGIN(i) uint16x8_t sum##i = vdupq_n_u16(i);
#define STEP(i) sum##i = vpadalq_u8(sum##i, vcntq_u8(veorq_u8(vreinterpretq_u8_u16(sum##i), weight)));
  EACH_OF_12(BEGIN)
  for (uint64_t n = 0; n < steps; ++n) { EACH_OF_12(STEP) }
  EACH_OF_12(USED)
#undef BEGIN
#undef STEP
}

#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
void AddDotProducts(uint64_t steps) {
  const uint8x16_t weight = vdupq_n_u8(0x5B), ones = vdupq_n_u8(1);
#define BEGIN(i) uint32x4_t sum##i = vdupq_n_u32(i);
#define STEP(i) sum##i = vdotq_u32(sum##i, vcntq_u8(veorq_u8(vreinterpretq_u8_u32(sum##i), weight)), ones);
  EACH_OF_12(BEGIN)
  for (uint64_t n = 0; n < steps; ++n) { EACH_OF_12(STEP) }
  EACH_OF_12(USED)
#undef BEGIN
#undef STEP
}
#pragma GCC pop_options

void MultiplyAndAdd(uint64_t steps) {
  const float32x4_t factor = vdupq_n_f32(0.5f), term = vdupq_n_f32(1.0f);
#define BEGIN(i) float32x4_t sum##i = vdupq_n_f32(i);
#define STEP(i) sum##i = vfmaq_f32(sum##i, factor, term);
  EACH_OF_16(BEGIN)
  for (uint64_t n = 0; n < steps; ++n) { EACH_OF_16(STEP) }
  EACH_OF_16(USED)
#undef BEGIN
#undef STEP
}

using Loop = void (*)(uint64_t steps);
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Until the last thread is done.
double Seconds(Loop loop, uint64_t steps, int threads) {
  struct Work {
    Loop loop;
    uint64_t steps;
  } work{loop, steps};
  const auto start = Clock::now();
  const int failed = TVMBackendParallelLaunch(
      [](int, void*, void* data) {
        const Work& work = *static_cast<const Work*>(data);
        work.loop(work.steps);
        return 0;
      },
      &work, threads);
  if (failed != 0) throw std::runtime_error("the thread pool did not run the loops");
  return SecondsSince(start);
}

// Multiply-accumulates a second of all threads together, in the fastest of several bursts.
double Rate(Loop loop, int macs, int threads) {
  uint64_t steps = 1;
  double fastest = 0;
  while ((fastest = Seconds(loop, steps, threads)) < kBurst_s) steps *= 2;
  for (int burst = 1; burst < kBursts; ++burst) fastest = std::min(fastest, Seconds(loop, steps, threads));
  return static_cast<double>(steps) * macs * threads / fastest;
}

}  // namespace

tvm::ffi::String MeasureCeilings(int threads) {
  const auto start = Clock::now();
  while (SecondsSince(start) < kWarmUp_s) Seconds(MultiplyAndAdd, 1000, threads);
  const double pairs = Rate(AddPairs, kBinaryMacs, threads);
  const bool has_dot = (getauxval(AT_HWCAP) & kHasDotProduct) != 0;
  const double dots = has_dot ? Rate(AddDotProducts, kBinaryMacs, threads) : 0;
  return "{\"binary_macs_s\":" + std::to_string(std::max(pairs, dots)) + ",\"binary_by\":\"" +
         (dots > pairs ? "udot" : "uadalp") +
         "\",\"float_macs_s\":" + std::to_string(Rate(MultiplyAndAdd, kFloatMacs, threads)) + "}";
}

TVM_FFI_STATIC_INIT_BLOCK() { tvm::ffi::reflection::GlobalDef().def("groupnet.ceilings", MeasureCeilings); }

}  // namespace groupnet

#endif  // __aarch64__
