// The part of MNN's C++ interface that the demo calls, for use with the library of the Python
// package MNN, in the versions that cmake/wheels.cmake names; it comes without headers. Names and
// layouts are MNN's. Nothing with a std::string crosses the border: the package may be built with
// another one. With MNN's own headers (-DMNN_ROOT) this file is not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

enum halide_type_code_t { halide_type_int = 0, halide_type_uint = 1, halide_type_float = 2 };

/// Eight bytes, though the code needs but one: it is an enumeration.
struct halide_type_t {
  halide_type_code_t code;
  uint8_t bits;
  uint16_t lanes;
};
static_assert(sizeof(halide_type_t) == 8, "MNN's own size");

struct halide_buffer_t {
  uint64_t device;
  const void* device_interface;
  uint8_t* host;
  uint64_t flags;
  halide_type_t type;
  int32_t dimensions;
  void* dim;
  void* padding;
};
static_assert(sizeof(halide_buffer_t) == 64, "MNN's own size");

enum MNNForwardType { MNN_FORWARD_CPU = 0 };

namespace MNN {

struct BackendConfig;
class Session;
enum ErrorCode { NO_ERROR = 0 };

const char* getVersion();

struct ScheduleConfig {
  std::vector<std::string> saveTensors;
  MNNForwardType type = MNN_FORWARD_CPU;
  int numThread = 4;
  struct Path {
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    enum Mode { Op = 0, Tensor = 1 };
    Mode mode = Op;
  };
  Path path;
  MNNForwardType backupType = MNN_FORWARD_CPU;
  BackendConfig* backendConfig = nullptr;
};
static_assert(sizeof(ScheduleConfig) == 104, "MNN's own size");

class Tensor {
 public:
  enum DimensionType { TENSORFLOW, CAFFE, CAFFE_C4 };

  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  static void destroy(Tensor* tensor);
  static Tensor* create(const std::vector<int>& shape, halide_type_t type, void* data,
                        DimensionType layout);
  bool copyFromHostTensor(const Tensor* source);
  bool copyToHostTensor(Tensor* target) const;
  DimensionType getDimensionType() const;
  std::vector<int> shape() const;
  halide_type_t getType() const { return buffer_.type; }

 private:
  halide_buffer_t buffer_;
  void* describe_;
};

class Interpreter {
 public:
  enum HintMode { WINOGRAD_MEMORY_LEVEL = 3 };

  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  static void destroy(Interpreter* interpreter);
  static Interpreter* createFromFile(const char* path);
  void setSessionHint(HintMode hint, int value);
  Session* createSession(const ScheduleConfig& config);
  Tensor* getSessionInput(const Session* session, const char* name);
  Tensor* getSessionOutput(const Session* session, const char* name);
  void resizeTensor(Tensor* tensor, const std::vector<int>& shape);
  void resizeSession(Session* session);
  ErrorCode runSession(Session* session) const;

 private:
  void* net_;
};

}  // namespace MNN
