// .mnn models, by MNN on the CPU.
#include <MNN/Interpreter.hpp>

#include "error.h"
#include "runtimes/runtime.h"
#include "runtimes/silence.h"

namespace simplebase {
namespace {

/// How many sizes of Winograd's tiles a convolution may choose from, as simplebase has it in Python:
/// MNN's own 3 is up to a hundred times less exact, and 3 % faster.
constexpr int kSmallTiles = 1;

/// MNN frees what it made: its objects are larger than they are declared here.
template <typename Object>
struct Destroy {
  void operator()(Object* object) const { Object::destroy(object); }
};

class MnnRuntime : public Runtime {
 public:
  MnnRuntime(const std::string& path, const RuntimeOptions& options) : path_(path) {
    const Silence silence(!options.verbose);
    interpreter_.reset(MNN::Interpreter::createFromFile(path.c_str()));
    if (!interpreter_) throw damaged();
    interpreter_->setSessionHint(MNN::Interpreter::WINOGRAD_MEMORY_LEVEL, kSmallTiles);
    MNN::ScheduleConfig config;
    config.numThread = options.threads;
    session_ = interpreter_->createSession(config);
    if (!session_) throw damaged();
    find_input();
    find_outputs(options.output_names);
  }

  const Port& input() const override { return input_port_; }
  const std::vector<Port>& outputs() const override { return output_ports_; }

  void run(const std::vector<std::byte>& input,
           std::vector<std::vector<std::byte>>& outputs) override {
    // A tensor of the host in another layout than the session's would scramble the data.
    input_->copyFromHostTensor(host_tensor(*input_, const_cast<std::byte*>(input.data())).get());
    const MNN::ErrorCode code = interpreter_->runSession(session_);
    if (code != MNN::NO_ERROR) {
      throw Error(path_ + " cannot run: MNN's error " + std::to_string(code) + ".");
    }
    outputs.resize(outputs_.size());
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs[i].resize(size_in_bytes(output_ports_[i]));
      outputs_[i]->copyToHostTensor(host_tensor(*outputs_[i], outputs[i].data()).get());
    }
  }

 private:
  using HostTensor = std::unique_ptr<MNN::Tensor, Destroy<MNN::Tensor>>;

  Error damaged() const {
    return Error(path_ + " cannot be opened by MNN. Is it an .mnn file, and whole?");
  }

  static HostTensor host_tensor(const MNN::Tensor& like, void* data) {
    return HostTensor(
        MNN::Tensor::create(like.shape(), like.getType(), data, like.getDimensionType()));
  }

  void find_input() {
    input_ = interpreter_->getSessionInput(session_, nullptr);
    if (!input_) throw damaged();
    std::vector<int> shape = input_->shape();
    if (!shape.empty() && shape[0] < 1) {
      shape[0] = 1;
      interpreter_->resizeTensor(input_, shape);
      interpreter_->resizeSession(session_);
    }
    input_port_ = port_of(*input_);
  }

  /// A model of one output has it without a name.
  void find_outputs(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const char* const known = names.size() > 1 ? name.c_str() : nullptr;
      MNN::Tensor* const output = interpreter_->getSessionOutput(session_, known);
      if (!output) throw Error(path_ + " has no output \"" + name + "\". Export it again.");
      outputs_.push_back(output);
      output_ports_.push_back(port_of(*output));
    }
  }

  Port port_of(const MNN::Tensor& tensor) const {
    const halide_type_t type = tensor.getType();
    if (type.code != halide_type_float || type.bits != 32) {
      throw Error(path_ + ": an input and output of float32 are expected of an MNN model.");
    }
    Port port;
    port.shape = tensor.shape();
    for (const int side : port.shape) {
      if (side < 1) throw Error(path_ + " leaves a size open; export it with a fixed input size.");
    }
    return port;
  }

  std::string path_;
  std::unique_ptr<MNN::Interpreter, Destroy<MNN::Interpreter>> interpreter_;
  MNN::Session* session_ = nullptr;
  MNN::Tensor* input_ = nullptr;
  std::vector<MNN::Tensor*> outputs_;
  Port input_port_;
  std::vector<Port> output_ports_;
};

}  // namespace

std::string runtime_name() { return std::string("MNN ") + MNN::getVersion(); }

std::unique_ptr<Runtime> open_runtime(const std::string& path, const RuntimeOptions& options) {
  return std::make_unique<MnnRuntime>(path, options);
}

}  // namespace simplebase
