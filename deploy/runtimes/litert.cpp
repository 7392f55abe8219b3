// .tflite models, by LiteRT's compiled models on the CPU.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "error.h"
#include "runtimes/runtime.h"
#include "runtimes/silence.h"

#ifdef LITERT_OWN_HEADERS
#include "litert/c/litert_common.h"
#include "litert/c/litert_compiled_model.h"
#include "litert/c/litert_environment.h"
#include "litert/c/litert_model.h"
#include "litert/c/litert_opaque_options.h"
#include "litert/c/litert_options.h"
#include "litert/c/litert_tensor_buffer.h"
#else
#include "runtimes/declarations/litert.h"
#endif

namespace simplebase {
namespace {

constexpr int kErrorsOnly = 3;
constexpr LiteRtParamIndex kSignature = 0;

/// A LiteRT object that is destroyed with its owner.
template <typename Handle, void (*Destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Owned(Owned&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  ~Owned() {
    if (handle_) Destroy(handle_);
  }
  operator Handle() const { return handle_; }
  Handle* address() { return &handle_; }

 private:
  Handle handle_ = nullptr;
};

using Buffer = Owned<LiteRtTensorBuffer, LiteRtDestroyTensorBuffer>;

class LiteRtRuntime : public Runtime {
 public:
  LiteRtRuntime(const std::string& path, const RuntimeOptions& options) : path_(path) {
    const Silence silence(!options.verbose);
    create_environment(options.verbose);
    read_model();
    read_ports();
    compile(options.threads);
    create_buffers();
  }

  const Port& input() const override { return inputs_[0]; }
  const std::vector<Port>& outputs() const override { return outputs_; }

  void run(const std::vector<std::byte>& input,
           std::vector<std::vector<std::byte>>& outputs) override {
    void* memory = nullptr;
    LiteRtTensorBuffer input_buffer = input_buffers_[0];
    check(LiteRtLockTensorBuffer(input_buffer, &memory, kLiteRtTensorBufferLockModeWrite), "run");
    std::memcpy(memory, input.data(), input.size());
    check(LiteRtUnlockTensorBuffer(input_buffer), "run");
    std::vector<LiteRtTensorBuffer> results(output_buffers_.begin(), output_buffers_.end());
    check(LiteRtRunCompiledModel(compiled_, kSignature, 1, &input_buffer, results.size(),
                                 results.data()),
          "run");
    outputs.resize(outputs_.size());
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs[i].resize(size_in_bytes(outputs_[i]));
      check(LiteRtLockTensorBuffer(results[i], &memory, kLiteRtTensorBufferLockModeRead), "run");
      std::memcpy(outputs[i].data(), memory, outputs[i].size());
      check(LiteRtUnlockTensorBuffer(results[i]), "run");
    }
  }

 private:
  void check(LiteRtStatus status, const std::string& what) const {
    if (status != kLiteRtStatusOk) {
      throw Error(path_ + " cannot " + what + " by LiteRT (its error " + std::to_string(status) +
                  "). Is it a .tflite file, and whole?");
    }
  }

  void create_environment(bool verbose) {
    LiteRtEnvOption quiet{};
    quiet.tag = kLiteRtEnvOptionTagMinLoggerSeverity;
    quiet.value.type = kLiteRtAnyTypeInt;
    quiet.value.int_value = kErrorsOnly;
    check(LiteRtCreateEnvironment(verbose ? 0 : 1, &quiet, environment_.address()), "be opened");
  }

  /// From memory: of a file, LiteRT does not check whether it is whole, and crashes if it is not.
  void read_model() {
    std::ifstream file(path_, std::ios::binary);
    content_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (content_.empty()) throw Error(path_ + " cannot be read, or is empty.");
    check(LiteRtCreateModelFromBuffer(environment_, content_.data(), content_.size(),
                                      model_.address()),
          "be opened");
  }

  void read_ports() {
    LiteRtSignature signature = nullptr;
    check(LiteRtGetModelSignature(model_, kSignature, &signature), "be opened");
    LiteRtParamIndex inputs = 0, outputs = 0;
    check(LiteRtGetNumSignatureInputs(signature, &inputs), "be opened");
    check(LiteRtGetNumSignatureOutputs(signature, &outputs), "be opened");
    if (inputs != 1) {
      throw Error(path_ + " has " + std::to_string(inputs) +
                  " inputs; one with images is expected.");
    }
    LiteRtTensor tensor = nullptr;
    check(LiteRtGetSignatureInputTensorByIndex(signature, 0, &tensor), "be opened");
    inputs_.push_back(port_of(tensor, input_types_));
    for (LiteRtParamIndex i = 0; i < outputs; ++i) {
      check(LiteRtGetSignatureOutputTensorByIndex(signature, i, &tensor), "be opened");
      outputs_.push_back(port_of(tensor, output_types_));
    }
  }

  Port port_of(LiteRtTensor tensor, std::vector<LiteRtRankedTensorType>& types) const {
    LiteRtRankedTensorType type{};
    check(LiteRtGetRankedTensorType(tensor, &type), "be opened");
    Port port;
    port.type = element_type(type.element_type);
    for (unsigned axis = 0; axis < type.layout.rank; ++axis) {
      const int side = type.layout.dimensions[axis];
      if (side < 1) throw Error(path_ + " leaves a size open; export it with a batch of 1.");
      port.shape.push_back(side);
    }
    LiteRtQuantizationTypeId kind = kLiteRtQuantizationNone;
    check(LiteRtGetQuantizationTypeId(tensor, &kind), "be opened");
    if (kind == kLiteRtQuantizationPerTensor) {
      LiteRtQuantizationPerTensor quantization{};
      check(LiteRtGetPerTensorQuantization(tensor, &quantization), "be opened");
      port.scale = quantization.scale;
      port.zero_point = static_cast<int>(quantization.zero_point);
    }
    types.push_back(type);
    return port;
  }

  ElementType element_type(LiteRtElementType type) const {
    switch (type) {
      case kLiteRtElementTypeFloat32: return ElementType::kFloat32;
      case kLiteRtElementTypeFloat16: return ElementType::kFloat16;
      case kLiteRtElementTypeUInt8: return ElementType::kUInt8;
      case kLiteRtElementTypeInt8: return ElementType::kInt8;
      default:
        throw Error(path_ + " has numbers of LiteRT's kind " + std::to_string(type) +
                    "; float32, float16, uint8 and int8 are known.");
    }
  }

  void compile(int threads) {
    Owned<LiteRtOptions, LiteRtDestroyOptions> options;
    check(LiteRtCreateOptions(options.address()), "be opened");
    check(LiteRtSetOptionsHardwareAccelerators(options, kLiteRtHwAcceleratorCpu), "be opened");
    // Settings of the CPU are a line of TOML; the library has no function for them.
    const std::string settings = "num_threads = " + std::to_string(threads) + "\n";
    LiteRtOpaqueOptions cpu = nullptr;
    check(LiteRtCreateOpaqueOptions("xnnpack", strdup(settings.c_str()), std::free, &cpu),
          "be opened");
    check(LiteRtAddOpaqueOptions(options, cpu), "be opened");
    check(LiteRtCreateCompiledModel(environment_, model_, options, compiled_.address()),
          "be opened");
  }

  void create_buffers() {
    input_buffers_.push_back(
        buffer(LiteRtGetCompiledModelInputBufferRequirements, 0, input_types_));
    for (size_t i = 0; i < output_types_.size(); ++i) {
      output_buffers_.push_back(
          buffer(LiteRtGetCompiledModelOutputBufferRequirements, i, output_types_));
    }
  }

  template <typename Requirements>
  Buffer buffer(Requirements requirements_of, size_t index,
                const std::vector<LiteRtRankedTensorType>& types) {
    LiteRtTensorBufferRequirements requirements = nullptr;
    check(requirements_of(compiled_, kSignature, index, &requirements), "be opened");
    Buffer made;
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &types[index], requirements,
                                                          made.address()),
          "be opened");
    return made;
  }

  std::string path_;
  std::string content_;  // of the file; the model points into it
  Owned<LiteRtEnvironment, LiteRtDestroyEnvironment> environment_;
  Owned<LiteRtModel, LiteRtDestroyModel> model_;
  Owned<LiteRtCompiledModel, LiteRtDestroyCompiledModel> compiled_;
  std::vector<Port> inputs_, outputs_;
  std::vector<LiteRtRankedTensorType> input_types_, output_types_;
  std::vector<Buffer> input_buffers_, output_buffers_;
};

}  // namespace

std::string runtime_name() { return "LiteRT"; }

std::unique_ptr<Runtime> open_runtime(const std::string& path, const RuntimeOptions& options) {
  return std::make_unique<LiteRtRuntime>(path, options);
}

}  // namespace simplebase
