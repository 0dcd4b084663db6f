// Many inputs in one call: a thread of the session's process computes while the next batch arrives.
//
//   set_threads(threads) -> threads          of all kernels of the session
//   batches_open(machine, function, threads) -> number
//   batches_start(number, inputs, outputs)   returns at once
//   batches_finish(number)                   waits for the oldest batch that was started
//   batches_close(number)
//
// `inputs` is [N, ...], one input of `function` to a row, `outputs` uint8 [N, bytes]: the bytes of all that the
// function returns, one tensor after the other.
#include "batches.h"

#include <sched.h>
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace groupnet {
namespace {

namespace ffi = tvm::ffi;

constexpr int kBigCoresFirst = 1;  // a mode of runtime.config_threadpool
constexpr char kConcurrency[] = "TVM_NUM_THREADS";  // read by the runtime whenever a kernel asks for threads
constexpr size_t kAlignment = 64;  // as the runtime's own tensors
constexpr size_t kMaxOpen = 4;
constexpr size_t kMaxStarted = 4;

const char* Data(const DLTensor& tensor) { return static_cast<const char*>(tensor.data) + tensor.byte_offset; }

// Writes the tensors of a result, which may be nested, from `room` on; returns the rest of the room.
std::pair<char*, size_t> WriteOut(const ffi::Any& result, std::pair<char*, size_t> room) {
  if (const auto parts = result.as<ffi::Array<ffi::Any>>()) {
    for (const ffi::Any& part : *parts) room = WriteOut(part, room);
    return room;
  }
  const DLTensor& tensor = *result.cast<ffi::Tensor>().GetDLTensorPtr();
  const size_t size = ffi::GetDataSize(tensor);
  if (size > room.second) TVM_FFI_THROW(ValueError) << "groupnet: the outputs are larger than announced";
  std::memcpy(room.first, Data(tensor), size);
  return {room.first + size, room.second - size};
}

struct AlignedMemory {
  void AllocData(DLTensor* tensor) {
    tensor->data = std::aligned_alloc(kAlignment, ffi::GetDataSize(*tensor) / kAlignment * kAlignment + kAlignment);
    if (tensor->data == nullptr) TVM_FFI_THROW(MemoryError) << "groupnet: out of memory";
  }
  void FreeData(DLTensor* tensor) { std::free(tensor->data); }
};

int Configure(int threads) {
  ffi::Function::GetGlobalRequired("runtime.config_threadpool")(kBigCoresFirst, threads);
  return ffi::Function::GetGlobalRequired("runtime.NumThreads")().cast<int>();
}

// Kernels of the session use so many threads from now on; returns how many there are. Even a pool of one costs
// each kernel a launch, some microseconds; only where the runtime's concurrency is 1 it calls the kernel itself.
int SetThreads(int threads) {
  unsetenv(kConcurrency);  // a pool is made as large as it may be
  const int used = Configure(threads);
  if (used == 1) setenv(kConcurrency, "1", 1);
  return used;
}

class Batches {
 public:
  Batches(const ffi::Module& machine, const ffi::String& name, int threads) : machine_(machine) {
    const auto function = machine_->GetFunction(name);
    if (!function.has_value()) TVM_FFI_THROW(ValueError) << "groupnet: no such function";
    function_ = function.value();
    thread_ = std::thread([this, threads] { Work(threads); });
  }

  ~Batches() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // The tensors' memory is the client's, who keeps it until the batch is finished.
  void Start(const DLTensor& inputs, const DLTensor& outputs) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (inputs.ndim < 1 || outputs.ndim != 2 || inputs.shape[0] != outputs.shape[0]) {
      TVM_FFI_THROW(ValueError) << "groupnet: expected as many rows of outputs as of inputs";
    }
    if (jobs_.size() + done_.size() >= kMaxStarted) TVM_FFI_THROW(ValueError) << "groupnet: too many batches";
    Job job = {{inputs.shape, inputs.shape + inputs.ndim}, inputs.dtype, inputs.device, Data(inputs), nullptr, 0};
    job.outputs = const_cast<char*>(Data(outputs));
    job.row_bytes = static_cast<size_t>(outputs.shape[1]);
    jobs_.push_back(std::move(job));
    changed_.notify_all();
  }

  void Finish() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (jobs_.empty() && done_.empty()) TVM_FFI_THROW(ValueError) << "groupnet: no batch was started";
    changed_.wait(lock, [this] { return !done_.empty(); });
    const std::string failure = std::move(done_.front());
    done_.pop_front();
    if (!failure.empty()) TVM_FFI_THROW(RuntimeError) << failure;
  }

 private:
  struct Job {
    std::vector<int64_t> shape;
    DLDataType dtype;
    DLDevice device;
    const char* inputs;
    char* outputs;
    size_t row_bytes;  // of the outputs
  };

  void Work(int threads) {
    std::string failure;
    try {
      // The runtime has a thread pool to each thread that computes.
      Configure(threads);
    } catch (const std::exception& error) {
      failure = error.what();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
      if (closed_) return;
      const Job job = jobs_.front();  // stays in its place until it is done: it counts as started
      lock.unlock();
      std::string said = failure.empty() ? RunAll(job) : failure;
      lock.lock();
      jobs_.pop_front();
      done_.push_back(std::move(said));
      changed_.notify_all();
    }
  }

  // Returns what went wrong, or nothing.
  std::string RunAll(const Job& job) {
    try {
      const int64_t rows = job.shape[0];
      std::vector<int64_t> shape = job.shape;
      shape[0] = 1;
      // A place of its own for the input: rows need not begin where kernels expect tensors to.
      const ffi::Tensor input = ffi::Tensor::FromNDAlloc(AlignedMemory(), ffi::Shape(shape), job.dtype, job.device);
      const size_t in_bytes = ffi::GetDataSize(input);
      for (int64_t row = 0; row < rows; ++row) {
        std::memcpy(input.data_ptr(), job.inputs + row * in_bytes, in_bytes);
        if (WriteOut(function_(input), {job.outputs + row * job.row_bytes, job.row_bytes}).second != 0) {
          return "groupnet: the outputs are smaller than announced";
        }
      }
      return "";
    } catch (const std::exception& error) {
      const std::string said = error.what();
      return said.empty() ? "groupnet: the module failed" : said;
    }
  }

  const ffi::Module machine_;
  ffi::Function function_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::deque<std::string> done_;
  bool closed_ = false;
  std::thread thread_;
};

// The runtime binds the thread that sets its pool to the pool's cores: RPC's thread, and then each thread that computes
// batches. On one core they would take turns, so RPC's thread has all cores of the session while batches are open.
class WanderingThread {
 public:
  // To be made by RPC's thread before any pool is set.
  WanderingThread() { sched_getaffinity(0, sizeof(all_), &all_); }

  void Begin() {
    sched_getaffinity(0, sizeof(bound_), &bound_);
    sched_setaffinity(0, sizeof(all_), &all_);
  }

  void End() { sched_setaffinity(0, sizeof(bound_), &bound_); }

 private:
  cpu_set_t all_{};
  cpu_set_t bound_{};
};

class OpenBatches {
 public:
  int64_t Open(const ffi::Module& machine, const ffi::String& function, int threads) {
    if (open_.size() >= kMaxOpen) TVM_FFI_THROW(ValueError) << "groupnet: too many are open";
    auto opened = std::make_unique<Batches>(machine, function, threads);
    if (open_.empty()) rpc_thread_.Begin();
    open_[++last_] = std::move(opened);
    return last_;
  }

  Batches& Get(int64_t number) const {
    const auto found = open_.find(number);
    if (found == open_.end()) TVM_FFI_THROW(ValueError) << "groupnet: no such batches";
    return *found->second;
  }

  void Close(int64_t number) {
    if (open_.erase(number) > 0 && open_.empty()) rpc_thread_.End();
  }

 private:
  WanderingThread rpc_thread_;
  std::map<int64_t, std::unique_ptr<Batches>> open_;
  int64_t last_ = 0;
};

}  // namespace

void RegisterBatchFunctions() {
  // The session's process ends without running destructors, whatever a thread may be doing.
  static OpenBatches* const batches = new OpenBatches;
  ffi::reflection::GlobalDef()
      .def("groupnet.set_threads", SetThreads)
      .def("groupnet.batches_open",
           [](ffi::Module machine, ffi::String function, int threads) {
             return batches->Open(machine, function, threads);
           })
      .def("groupnet.batches_start",
           [](int64_t number, DLTensor* inputs, DLTensor* outputs) {
             batches->Get(number).Start(*inputs, *outputs);
           })
      .def("groupnet.batches_finish", [](int64_t number) { batches->Get(number).Finish(); })
      .def("groupnet.batches_close", [](int64_t number) { batches->Close(number); });
}

}  // namespace groupnet
