// Times each call that the Relax virtual machine makes: what `groupnet bench --profile` shows.
#pragma once

#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/string.h>

namespace groupnet {

// Registered as "groupnet.profile_calls" wherever this file is loaded, on a phone and on the host:
// (library, function, runs, inputs...) starts a virtual machine of its own, runs `function` once to warm up and
// to learn its calls, then `runs` times with a clock around each call. Returns JSON:
//   start_ns  what starting the virtual machine took, constants included
//   calls     [{"name", "bytes"}] in their order; bytes of all tensors that a call is given
//   runs      [[gap, duration, gap, duration, ..., rest]] in ns, one list a run: the time before each call, the
//             call's, and what is left behind the last one; their sum is the run
// Throws if a run makes other calls than the first one.
tvm::ffi::String ProfileCalls(tvm::ffi::PackedArgs arguments);

}  // namespace groupnet
