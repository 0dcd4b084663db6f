// What this process takes of the phone's memory, by the kernel's account.
#include "process_memory.h"

#include <cstdlib>
#include <fstream>

namespace groupnet {

int64_t MemoryInStatus(const std::string& key) {
  constexpr int64_t kKibibyte = 1024;  // the file's unit, which it calls kB
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, key.size() + 1, key + ":") != 0) continue;
    return std::strtoll(line.c_str() + key.size() + 1, nullptr, 10) * kKibibyte;
  }
  return 0;
}

void ForgetPeakMemory() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace groupnet
