// What a core multiplies at most: loops on registers, for `groupnet bench --profile` to compare kernels with.
#pragma once

#include <tvm/ffi/string.h>

namespace groupnet {

// Registered as "groupnet.ceilings" on arm64: (threads) times the loops on so many threads of the pool that kernels
// run on, whose size was set before, and returns JSON:
//   binary_macs_s  binary multiply-accumulates a second, by exclusive or, count and addition of 16 bytes
//   binary_by      the instruction that adds: "udot" where the core has it, or "uadalp", whichever is faster
//   float_macs_s   float32 multiply-accumulates a second, by fused multiply-adds of 16 bytes
tvm::ffi::String MeasureCeilings(int threads);

}  // namespace groupnet
