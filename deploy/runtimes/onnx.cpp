// .onnx models, by ONNX Runtime on the CPU.
#include <onnxruntime_c_api.h>

#include <cstdlib>
#include <cstring>

#include "error.h"
#include "runtimes/runtime.h"

namespace simplebase {
namespace {

// Of the interface, by which the library finds the table of functions; older ones keep working.
constexpr uint32_t kInterface = 7;

const OrtApi& ort() {
  static const OrtApi* const api = OrtGetApiBase()->GetApi(kInterface);
  if (!api) throw Error("this ONNX Runtime is older than version 1.7. Install a later one.");
  return *api;
}

/// An object of ONNX Runtime that is released with its owner.
template <typename Object, void (*OrtApi::*Release)(Object*)>
class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (object_) (ort().*Release)(object_);
  }
  operator Object*() const { return object_; }
  Object** address() { return &object_; }

 private:
  Object* object_ = nullptr;
};

using Value = Owned<OrtValue, &OrtApi::ReleaseValue>;

class OnnxRuntime : public Runtime {
 public:
  OnnxRuntime(const std::string& path, const RuntimeOptions& options) : path_(path) {
    // Without this, ONNX Runtime 1.32 looks up a telemetry host and leaves files behind. It reads
    // the variable while it creates its environment. A user's own 0 is overruled.
    setenv("ORT_DISABLE_TELEMETRY", "1", 1);
    const int severity = options.verbose ? ORT_LOGGING_LEVEL_WARNING : ORT_LOGGING_LEVEL_ERROR;
    check(ort().CreateEnv(static_cast<OrtLoggingLevel>(severity), "simplebase",
                          environment_.address()));
    Owned<OrtSessionOptions, &OrtApi::ReleaseSessionOptions> settings;
    check(ort().CreateSessionOptions(settings.address()));
    check(ort().SetIntraOpNumThreads(settings, options.threads));
    check(ort().SetSessionLogSeverityLevel(settings, severity));
    check(ort().CreateSession(environment_, path.c_str(), settings, session_.address()));
    check(ort().CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, memory_.address()));
    read_names();
    read_input();
    find_outputs();
  }

  const Port& input() const override { return input_; }
  const std::vector<Port>& outputs() const override { return outputs_; }

  void run(const std::vector<std::byte>& input,
           std::vector<std::vector<std::byte>>& outputs) override {
    const std::vector<Value> values = answer(input);
    outputs.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      void* data = nullptr;
      check(ort().GetTensorMutableData(values[i], &data));
      const auto* const bytes = static_cast<const std::byte*>(data);
      outputs[i].assign(bytes, bytes + size_in_bytes(outputs_[i]));
    }
  }

 private:
  void check(OrtStatus* status) const {
    if (!status) return;
    std::string message = ort().GetErrorMessage(status);
    ort().ReleaseStatus(status);
    message = message.substr(0, message.find('\n'));
    throw Error(path_ + " cannot be run by ONNX Runtime (" + message +
                "). Is it an .onnx file, and whole?");
  }

  void read_names() {
    size_t inputs = 0, outputs = 0;
    check(ort().SessionGetInputCount(session_, &inputs));
    check(ort().SessionGetOutputCount(session_, &outputs));
    if (inputs != 1) {
      throw Error(path_ + " has " + std::to_string(inputs) +
                  " inputs; one with images is expected.");
    }
    input_name_ = name_of(ort().SessionGetInputName, 0);
    for (size_t i = 0; i < outputs; ++i) {
      output_names_.push_back(name_of(ort().SessionGetOutputName, i));
    }
  }

  template <typename Function>
  std::string name_of(Function function, size_t index) const {
    OrtAllocator* allocator = nullptr;
    check(ort().GetAllocatorWithDefaultOptions(&allocator));
    char* text = nullptr;
    check(function(session_, index, allocator, &text));
    const std::string name = text;
    check(ort().AllocatorFree(allocator, text));
    return name;
  }

  Port port_of(const OrtTensorTypeAndShapeInfo* info) const {
    if (!info) throw Error(path_ + ": inputs and outputs that are tensors are expected.");
    ONNXTensorElementDataType type{};
    check(ort().GetTensorElementType(info, &type));
    size_t rank = 0;
    check(ort().GetDimensionsCount(info, &rank));
    std::vector<int64_t> sides(rank);
    check(ort().GetDimensions(info, sides.data(), rank));
    Port port;
    port.type = element_type(type);
    port.shape.assign(sides.begin(), sides.end());
    return port;
  }

  ElementType element_type(ONNXTensorElementDataType type) const {
    switch (type) {
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return ElementType::kFloat32;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: return ElementType::kFloat16;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8: return ElementType::kUInt8;
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8: return ElementType::kInt8;
      default:
        throw Error(path_ + " has numbers of ONNX's kind " + std::to_string(type) +
                    "; float32, float16, uint8 and int8 are known.");
    }
  }

  void read_input() {
    Owned<OrtTypeInfo, &OrtApi::ReleaseTypeInfo> type;
    check(ort().SessionGetInputTypeInfo(session_, 0, type.address()));
    const OrtTensorTypeAndShapeInfo* info = nullptr;
    check(ort().CastTypeInfoToTensorInfo(type, &info));
    input_ = port_of(info);
    if (!input_.shape.empty() && input_.shape[0] < 1) input_.shape[0] = 1;
    for (const int side : input_.shape) {
      if (side < 1) throw Error(path_ + " leaves a size open; export it with a fixed input size.");
    }
  }

  /// A file need not say its outputs' sizes; an answer shows them.
  void find_outputs() {
    for (const Value& value : answer(std::vector<std::byte>(size_in_bytes(input_)))) {
      Owned<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo> info;
      check(ort().GetTensorTypeAndShape(value, info.address()));
      outputs_.push_back(port_of(info));
    }
  }

  std::vector<Value> answer(const std::vector<std::byte>& input) const {
    const std::vector<int64_t> shape(input_.shape.begin(), input_.shape.end());
    Value images;
    // The library does not write to its inputs.
    check(ort().CreateTensorWithDataAsOrtValue(memory_, const_cast<std::byte*>(input.data()),
                                               input.size(), shape.data(), shape.size(),
                                               onnx_type(), images.address()));
    std::vector<const char*> names;
    for (const std::string& name : output_names_) names.push_back(name.c_str());
    const char* const input_name = input_name_.c_str();
    const OrtValue* const given = images;
    std::vector<OrtValue*> raw(names.size());
    check(ort().Run(session_, nullptr, &input_name, &given, 1, names.data(), names.size(),
                    raw.data()));
    std::vector<Value> values(raw.size());
    for (size_t i = 0; i < raw.size(); ++i) *values[i].address() = raw[i];
    return values;
  }

  ONNXTensorElementDataType onnx_type() const {
    switch (input_.type) {
      case ElementType::kFloat16: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16;
      case ElementType::kUInt8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
      case ElementType::kInt8: return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
      default: return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    }
  }

  std::string path_;
  Owned<OrtEnv, &OrtApi::ReleaseEnv> environment_;
  Owned<OrtSession, &OrtApi::ReleaseSession> session_;
  Owned<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo> memory_;
  std::string input_name_;
  std::vector<std::string> output_names_;
  Port input_;
  std::vector<Port> outputs_;
};

}  // namespace

std::string runtime_name() {
  return std::string("ONNX Runtime ") + OrtGetApiBase()->GetVersionString();
}

std::unique_ptr<Runtime> open_runtime(const std::string& path, const RuntimeOptions& options) {
  return std::make_unique<OnnxRuntime>(path, options);
}

}  // namespace simplebase
