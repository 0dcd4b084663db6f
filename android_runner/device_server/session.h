// One connection's process: its limits, its files, and the runtime that serves it.
#pragma once

#include <string>

#include "options.h"

namespace groupnet {

// Exit codes of a session's process; the parent writes them into the log.
constexpr int kSessionDone = 0;
constexpr int kSessionFailed = 1;
constexpr int kSessionRefused = 3;

// Serves one accepted connection in a freshly forked process and returns its exit code.
// `folder` is the session's own; the parent removes it when the process has ended, however it ended.
int ServeSession(int connection, const std::string& token, const std::string& folder, const Options& options);

}  // namespace groupnet
