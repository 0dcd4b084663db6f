// The server's command line and its session token.
#pragma once

#include <cstdint>
#include <string>

namespace groupnet {

struct Options {
  std::string folder;               // --folder: the server's own, mode 0700; holds token, log and sessions
  unsigned idle_s = 0;              // --idle-s: without a session, or with a silent client, for so long: end
  unsigned session_limit_s = 0;     // --session-limit-s: the longest that one session may live
  uint64_t memory_limit_bytes = 0;  // --memory-limit-bytes: data segment of one session
};

// Parses the command line; throws std::runtime_error unless each option is given once and positive.
Options ParseOptions(int argc, char** argv);

// Reads and removes FOLDER/token: 32 hexadecimal digits in a regular file that is ours and nobody else may read.
// The token never appears on a command line, where every process of the phone could see it.
std::string TakeToken(const std::string& folder);

}  // namespace groupnet
