// Having the phone for one measurement alone.
#pragma once

#include <string>

namespace groupnet {

// Takes the lock on `folder`, which all servers of a phone share, for as long as this process lives; returns false
// while another process has it. Goes with the process however that ends, so that no clock and no clean-up is needed.
bool TakeSoleUse(const std::string& folder);

}  // namespace groupnet
