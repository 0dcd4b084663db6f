// One connection's process: its limits, its files, and the runtime that serves it.
#include "session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>

#include "batches.h"
#include "file_names.h"
#include "handshake.h"
#include "process_memory.h"
#include "sha256.h"
#include "sole_use.h"

namespace groupnet {
namespace {

namespace ffi = tvm::ffi;

constexpr unsigned kHandshakeLimit_s = 10;

void SetReceiveLimit(int connection, unsigned seconds) {
  timeval limit{};
  limit.tv_sec = seconds;
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

void SetResourceLimits(const Options& options) {
  // Data, not address space: the allocator reserves far more addresses than it uses.
  const rlimit memory = {options.memory_limit_bytes, options.memory_limit_bytes};
  setrlimit(RLIMIT_DATA, &memory);
  const rlimit no_core_file = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core_file);
  alarm(options.session_limit_s);  // its default action ends the process, whatever the runtime is doing
}

std::string PathInFolder(const std::string& folder, const std::string& name) {
  if (!IsPlainFileName(name)) TVM_FFI_THROW(ValueError) << "groupnet: expected a plain file name";
  return folder + "/" + name;
}

class LoadGate {
 public:
  explicit LoadGate(std::string folder) : folder_(std::move(folder)) {}

  void Expect(const std::string& name, const std::string& sha256, int64_t size_bytes) {
    expected_[PathInFolder(folder_, name)] = {sha256, size_bytes};
  }

  // Loads a module only if its size and sha256 are those that the client announced.
  ffi::Module Load(const std::string& name) {
    const std::string path = PathInFolder(folder_, name);
    const auto found = expected_.find(path);
    if (found == expected_.end()) TVM_FFI_THROW(ValueError) << "groupnet: no sha256 announced";
    struct stat status;
    if (lstat(path.c_str(), &status) != 0) TVM_FFI_THROW(ValueError) << "groupnet: file missing";
    // The runtime's upload does not notice a full disk; the file is then shorter than announced.
    if (status.st_size < found->second.size_bytes) TVM_FFI_THROW(ValueError) << "groupnet: file truncated";
    if (Sha256OfFile(path) != found->second.sha256) TVM_FFI_THROW(ValueError) << "groupnet: file altered";
    ForgetPeakMemory();
    resident_before_ = MemoryInStatus("VmRSS");
    const auto start = std::chrono::steady_clock::now();
    ffi::Module loaded = ffi::Module::LoadFromFile(path);
    load_time_ = std::chrono::steady_clock::now() - start;
    return loaded;
  }

  // What the last load took, and what this process has taken of the memory since; JSON.
  std::string Footprint() const {
    return "{\"load_ns\":" +
           std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(load_time_).count()) +
           ",\"before_bytes\":" + std::to_string(resident_before_) +
           ",\"peak_bytes\":" + std::to_string(MemoryInStatus("VmHWM")) + "}";
  }

 private:
  struct Announcement {
    std::string sha256;
    int64_t size_bytes;
  };
  std::string folder_;
  std::map<std::string, Announcement> expected_;
  std::chrono::steady_clock::duration load_time_{};
  int64_t resident_before_ = 0;
};

// What the runtime asks of its server; registered in the session's process, so for its folder alone.
void RegisterFunctions(const std::string& folder, const std::string& shared_folder, LoadGate* gate) {
  ffi::reflection::GlobalDef()
      .def("tvm.rpc.server.workpath",
           [folder](ffi::String name) { return ffi::String(PathInFolder(folder, name)); })
      .def("tvm.rpc.server.load_module", [gate](ffi::String name) { return gate->Load(name); })
      .def("groupnet.take_sole_use", [shared_folder] { return TakeSoleUse(shared_folder); })
      .def("groupnet.footprint", [gate] { return ffi::String(gate->Footprint()); })
      .def("groupnet.expect_sha256", [gate](ffi::String name, ffi::String sha256, int64_t size_bytes) {
        gate->Expect(name, sha256, size_bytes);
      });
}

}  // namespace

int ServeSession(int connection, const std::string& token, const std::string& folder, const Options& options) {
  alarm(kHandshakeLimit_s);
  SetReceiveLimit(connection, kHandshakeLimit_s);
  const Handshake handshake = AnswerHandshake(connection, token);
  if (handshake != Handshake::kAccepted) {
    std::fprintf(stderr, "%s\n", handshake == Handshake::kWrongToken ? "wrong token" : "malformed handshake");
    return kSessionRefused;
  }
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  SetReceiveLimit(connection, options.idle_s);
  SetResourceLimits(options);
  try {
    LoadGate gate(folder);
    RegisterFunctions(folder, std::filesystem::path(options.folder).parent_path(), &gate);
    RegisterBatchFunctions();
    ffi::Function::GetGlobalRequired("rpc.ServerLoop")(connection);
    return kSessionDone;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kSessionFailed;
  }
}

}  // namespace groupnet
