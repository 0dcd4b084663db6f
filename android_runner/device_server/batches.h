// Many inputs in one call: a thread of the session's process computes while the next batch arrives.
#pragma once

namespace groupnet {

// Registers `groupnet.batches_*` in the session's process; see batches.cc for what they take.
void RegisterBatchFunctions();

}  // namespace groupnet
