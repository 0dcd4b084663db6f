// What this process takes of the phone's memory, by the kernel's account.
#pragma once

#include <cstdint>
#include <string>

namespace groupnet {

// Bytes by a key of /proc/self/status such as "VmRSS" or "VmHWM"; 0 where the kernel does not tell.
int64_t MemoryInStatus(const std::string& key);

// Lets VmHWM, the most that was ever resident, start again from now; a kernel that refuses counts on.
void ForgetPeakMemory();

}  // namespace groupnet
