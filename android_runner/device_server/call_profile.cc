// Times each call that the Relax virtual machine makes: what `groupnet bench --profile` shows.
#include "call_profile.h"

#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/reflection/registry.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace groupnet {
namespace {

namespace ffi = tvm::ffi;

constexpr int64_t kMaxRuns = 10000;
constexpr int kFirstInput = 3;
// The virtual machine's first arguments to its instrument: the function, its name, before or after, the result.
constexpr int kFirstTensor = 4;
constexpr int64_t kGoOn = 0;             // VMInstrumentReturnKind::kNoOp
constexpr int32_t kPooledAllocator = 2;  // AllocatorType::kPooled, what Python's VirtualMachine takes

int64_t Now() {
  // CLOCK_MONOTONIC: a phone's time of day may jump.
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t BytesOf(ffi::AnyView argument) {
  const auto tensor = argument.as<ffi::Tensor>();
  if (!tensor.has_value() || !tensor->defined()) return 0;  // None counts as a tensor
  int64_t elements = 1;
  for (int64_t extent : tensor->shape()) elements *= extent;
  return elements * tensor->dtype().bits * tensor->dtype().lanes / 8;
}

struct Call {
  std::string name;
  int64_t bytes;
};

// Notes a time before and after each of the outermost calls; one run at a time.
class Recorder {
 public:
  void BeginRun() {
    times_ns_.clear();
    times_ns_.push_back(Now());
  }

  void Note(ffi::PackedArgs arguments) {
    if (!arguments[2].cast<bool>()) {
      const int64_t now = Now();
      if (--depth_ == 0) times_ns_.push_back(now);
      return;
    }
    if (depth_++ > 0) return;  // of a function that calls another, the time is the first one's
    if (learning_) Learn(arguments);
    times_ns_.push_back(Now());  // at last, so that the above is not the call's
  }

  // Returns the run's gaps and durations, or throws if its calls are not those of the first run.
  std::vector<int64_t> EndRun() {
    times_ns_.push_back(Now());
    learning_ = false;
    if (times_ns_.size() != 2 * calls_.size() + 2) {
      TVM_FFI_THROW(RuntimeError) << "groupnet: a run made other calls than the first one";
    }
    std::vector<int64_t> spans;
    for (size_t i = 1; i < times_ns_.size(); ++i) spans.push_back(times_ns_[i] - times_ns_[i - 1]);
    return spans;
  }

  const std::vector<Call>& calls() const { return calls_; }

 private:
  void Learn(ffi::PackedArgs arguments) {
    int64_t bytes = 0;
    for (int i = kFirstTensor; i < arguments.size(); ++i) bytes += BytesOf(arguments[i]);
    calls_.push_back({std::string(arguments[1].cast<ffi::String>()), bytes});
  }

  std::vector<Call> calls_;
  std::vector<int64_t> times_ns_;
  int depth_ = 0;
  bool learning_ = true;
};

ffi::Function FunctionOf(const ffi::Module& module, const char* name) {
  const auto found = module->GetFunction(name);
  if (!found.has_value()) TVM_FFI_THROW(ValueError) << "groupnet: no module of a model: it lacks " << name;
  return found.value();
}

std::string Listed(const std::vector<int64_t>& values) {
  std::string text;
  for (int64_t value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
  return "[" + text + "]";
}

std::string Listed(const std::vector<Call>& calls) {
  std::string text;
  for (const Call& call : calls) {
    text += std::string(text.empty() ? "" : ",") + "{\"name\":\"" + call.name +
            "\",\"bytes\":" + std::to_string(call.bytes) + "}";  // names are of letters, digits, '_' and '.'
  }
  return "[" + text + "]";
}

}  // namespace

ffi::String ProfileCalls(ffi::PackedArgs arguments) {
  if (arguments.size() < kFirstInput) TVM_FFI_THROW(TypeError) << "groupnet: expected library, function, runs";
  const auto library = arguments[0].cast<ffi::Module>();
  const auto function = arguments[1].cast<ffi::String>();
  const auto runs = arguments[2].cast<int64_t>();
  if (runs < 1 || runs > kMaxRuns) TVM_FFI_THROW(ValueError) << "groupnet: expected 1 to " << kMaxRuns << " runs";

  const int64_t start_ns = Now();
  const auto machine = FunctionOf(library, "vm_load_executable")().cast<ffi::Module>();
  FunctionOf(machine, "vm_initialization")(static_cast<int32_t>(kDLCPU), 0, kPooledAllocator);
  const int64_t started_ns = Now();

  std::vector<ffi::AnyView> set_input = {function};
  for (int i = kFirstInput; i < arguments.size(); ++i) set_input.push_back(arguments[i]);
  ffi::Any nothing;
  FunctionOf(machine, "set_input").CallPacked(set_input.data(), static_cast<int32_t>(set_input.size()), &nothing);

  // Shared with the machine, which may outlive this call.
  const auto recorder = std::make_shared<Recorder>();
  FunctionOf(machine, "set_instrument")(ffi::Function::FromPacked([recorder](ffi::PackedArgs call, ffi::Any* result) {
    recorder->Note(call);
    *result = kGoOn;
  }));
  const ffi::Function invoke = FunctionOf(machine, "invoke_stateful");
  std::string measured;
  for (int64_t run = 0; run <= runs; ++run) {
    recorder->BeginRun();
    invoke(function);
    const std::string spans = Listed(recorder->EndRun());
    if (run > 0) measured += (run > 1 ? "," : "") + spans;
  }
  return "{\"start_ns\":" + std::to_string(started_ns - start_ns) + ",\"calls\":" + Listed(recorder->calls()) +
         ",\"runs\":[" + measured + "]}";
}

TVM_FFI_STATIC_INIT_BLOCK() {
  ffi::reflection::GlobalDef().def_packed(
      "groupnet.profile_calls",
      [](ffi::PackedArgs arguments, ffi::Any* result) { *result = ProfileCalls(arguments); });
}

}  // namespace groupnet
