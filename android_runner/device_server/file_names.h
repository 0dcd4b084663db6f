// Which names a client may give files of its session.
#pragma once

#include <string>

namespace groupnet {

// Returns whether `name` is a plain file name: up to 128 letters, digits, '.', '_' and '-', not hidden. Joined to a
// folder it names a file right in it.
bool IsPlainFileName(const std::string& name);

}  // namespace groupnet
