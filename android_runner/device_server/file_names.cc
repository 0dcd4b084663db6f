// Which names a client may give files of its session.
#include "file_names.h"

namespace groupnet {
namespace {

constexpr size_t kMaxNameBytes = 128;

}  // namespace

bool IsPlainFileName(const std::string& name) {
  const char* allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         name.find_first_not_of(allowed) == std::string::npos;
}

}  // namespace groupnet
