// Group-Net's device server: TVM RPC on the phone's loopback, one process to a session.
//
// Started as `server --folder DIR ...` with DIR/token; prints one line {"port": P, "pid": N}, then goes into the
// background with its log in DIR/log and its process id in DIR/pid. Ends on SIGTERM, or by itself when idle, and
// takes its sessions with it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>

#include "options.h"
#include "session.h"

namespace groupnet {
namespace {

using Clock = std::chrono::steady_clock;  // a phone's time of day may jump

constexpr size_t kMaxSessions = 4;

volatile sig_atomic_t stop_requested = 0;

void RequestStop(int) { stop_requested = 1; }
void WakeUp(int) {}  // a child ended; poll returns and it is reaped

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

// Binds a free port of 127.0.0.1: only this phone's own programs, adbd among them, can reach it.
int ListenOnLoopback(int* port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) Fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0) Fail("bind");
  if (listen(listener, kMaxSessions) != 0) Fail("listen");
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) Fail("getsockname");
  *port = ntohs(address.sin_port);
  return listener;
}

// A later host tells by it whether the folder is still in use.
void WritePid(const std::string& folder, pid_t pid) {
  const std::string text = std::to_string(pid) + "\n";
  const int file = open((folder + "/pid").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    std::fprintf(stderr, "server: cannot write %s/pid: %s\n", folder.c_str(), std::strerror(errno));
    kill(pid, SIGKILL);
    _exit(EXIT_FAILURE);
  }
  close(file);
}

// Returns in the background process; the foreground one prints the ready line and exits.
void GoIntoBackground(const Options& options, int port) {
  const int log = open((options.folder + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (log < 0 || null < 0) Fail("log");
  const pid_t child = fork();
  if (child < 0) Fail("fork");
  if (child > 0) {
    WritePid(options.folder, child);
    std::printf("{\"port\": %d, \"pid\": %d}\n", port, static_cast<int>(child));
    std::fflush(stdout);
    _exit(0);
  }
  setsid();
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
}

class Server {
 public:
  Server(const Options& options, const std::string& token, int listener)
      : options_(options), token_(token), listener_(listener) {}

  void Run() {
    sigset_t none;
    sigemptyset(&none);
    Clock::time_point last_busy = Clock::now();
    while (!stop_requested) {
      pollfd waiting = {listener_, POLLIN, 0};
      const timespec second = {1, 0};
      // Signals are let in only here, so none can fall between a check and the wait.
      if (ppoll(&waiting, 1, &second, &none) > 0) Accept();
      Reap(WNOHANG);
      if (!sessions_.empty()) last_busy = Clock::now();
      if (Clock::now() - last_busy > std::chrono::seconds(options_.idle_s)) break;
    }
    close(listener_);
    std::fprintf(stderr, "stopping\n");  // tells these ends of sessions from those that the phone makes
    for (const auto& [pid, folder] : sessions_) kill(pid, SIGKILL);
    while (!sessions_.empty()) Reap(0);
    if (!stop_requested) std::filesystem::remove_all(options_.folder);  // nobody is left to do it
  }

 private:
  void Accept() {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    std::string folder = options_.folder + "/session-XXXXXX";
    const bool room = sessions_.size() < kMaxSessions && mkdtemp(folder.data()) != nullptr;
    const pid_t child = room ? fork() : -1;
    if (child == 0) {
      BecomeSession();
      _exit(ServeSession(connection, token_, folder, options_));
    }
    close(connection);
    if (child > 0) {
      sessions_[child] = folder;
    } else {
      std::fprintf(stderr, "connection refused: %s\n", room ? std::strerror(errno) : "no room for a session");
    }
  }

  void BecomeSession() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a session never outlives its server
    if (getppid() != server_pid_) _exit(kSessionFailed);
    close(listener_);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  void Reap(int flags) {
    int status = 0;
    pid_t pid = 0;
    while (!sessions_.empty() && (pid = waitpid(-1, &status, flags)) > 0) {
      if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        std::fprintf(stderr, "session %d killed by signal %d (%s)\n", pid, number, strsignal(number));
      } else {
        std::fprintf(stderr, "session %d ended with code %d\n", pid, WEXITSTATUS(status));
      }
      std::error_code ignored;  // the folder of a session that made none of its own is already gone
      std::filesystem::remove_all(sessions_[pid], ignored);
      sessions_.erase(pid);
    }
  }

  const Options& options_;
  const std::string& token_;
  const int listener_;
  const pid_t server_pid_ = getpid();
  std::map<pid_t, std::string> sessions_;
};

void HandleSignals() {
  sigset_t handled;
  sigemptyset(&handled);
  struct sigaction action {};
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
    sigaddset(&handled, number);
    action.sa_handler = number == SIGCHLD ? WakeUp : RequestStop;
    sigaction(number, &action, nullptr);
  }
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace
}  // namespace groupnet

int main(int argc, char** argv) {
  try {
    const groupnet::Options options = groupnet::ParseOptions(argc, argv);
    const std::string token = groupnet::TakeToken(options.folder);
    int port = 0;
    const int listener = groupnet::ListenOnLoopback(&port);
    groupnet::GoIntoBackground(options, port);
    groupnet::HandleSignals();
    groupnet::Server(options, token, listener).Run();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "server: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
