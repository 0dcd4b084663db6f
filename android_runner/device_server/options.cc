// The server's command line and its session token.
#include "options.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>

namespace groupnet {
namespace {

constexpr size_t kTokenDigits = 32;

uint64_t TakeNumber(std::map<std::string, std::string>& given, const std::string& name, uint64_t largest) {
  const std::string text = given[name];
  char* end = nullptr;
  errno = 0;
  const unsigned long long value = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || errno != 0 || value == 0 || value > largest ||
      text[0] < '0' || text[0] > '9') {
    throw std::runtime_error("expected " + name + " with a positive number up to " + std::to_string(largest) +
                             ", got '" + text + "'");
  }
  given.erase(name);
  return value;
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!given.emplace(argv[i], argv[i + 1]).second) {
      throw std::runtime_error(std::string("option given twice: ") + argv[i]);
    }
  }
  Options options;
  options.folder = given["--folder"];
  given.erase("--folder");
  options.idle_s = static_cast<unsigned>(TakeNumber(given, "--idle-s", UINT_MAX));
  options.session_limit_s = static_cast<unsigned>(TakeNumber(given, "--session-limit-s", UINT_MAX));
  options.memory_limit_bytes = TakeNumber(given, "--memory-limit-bytes", UINT64_MAX);
  if (options.folder.empty() || options.folder[0] != '/' || !given.empty() || argc % 2 == 0) {
    throw std::runtime_error(
        "expected --folder /PATH --idle-s N --session-limit-s N --memory-limit-bytes N and nothing else");
  }
  return options;
}

std::string TakeToken(const std::string& folder) {
  const std::string path = folder + "/token";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) throw std::runtime_error("cannot open " + path + ": " + std::strerror(errno));
  struct stat status;
  const bool known = fstat(fd, &status) == 0;
  char digits[kTokenDigits + 1];
  const ssize_t got = read(fd, digits, sizeof(digits));
  close(fd);
  unlink(path.c_str());
  if (!known || !S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    throw std::runtime_error("expected " + path + " to be a file of ours with mode 0600");
  }
  const std::string token(digits, got > 0 ? static_cast<size_t>(got) : 0);
  if (token.size() != kTokenDigits || token.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw std::runtime_error("expected 32 hexadecimal digits in " + path);
  }
  return token;
}

}  // namespace groupnet
