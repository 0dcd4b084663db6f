// SHA-256 (FIPS 180-4) of a file, so that nothing is loaded that is not what the host sent.
#pragma once

#include <string>

namespace groupnet {

// Returns the lowercase hexadecimal digest of the file; throws std::runtime_error where it cannot be read.
std::string Sha256OfFile(const std::string& path);

}  // namespace groupnet
