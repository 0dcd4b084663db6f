// Having the phone for one measurement alone.
#include "sole_use.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace groupnet {

bool TakeSoleUse(const std::string& folder) {
  static int lock = -1;  // kept open: the lock goes with it
  if (lock >= 0) return true;
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) throw std::runtime_error("cannot open " + folder + ": " + std::strerror(errno));
  if (flock(opened, LOCK_EX | LOCK_NB) == 0) {
    lock = opened;
    return true;
  }
  const int failure = errno;
  close(opened);
  if (failure == EWOULDBLOCK) return false;
  throw std::runtime_error("cannot lock " + folder + ": " + std::strerror(failure));
}

}  // namespace groupnet
