// What a demo asks of an inference library. Each library is one file that defines the functions at
// the end, and one program is linked with each.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace simplebase {

enum class ElementType { kFloat32, kFloat16, kUInt8, kInt8 };

/// What a model says of its input or of an output.
struct Port {
  ElementType type = ElementType::kFloat32;
  std::vector<int> shape;
  /// Of integers: a stored `q` stands for `(q - zero_point) * scale`.
  std::optional<float> scale;
  int zero_point = 0;
};

/// Bytes that `port` takes.
size_t size_in_bytes(const Port& port);

/// A model in memory, of one input with images and one or two outputs.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual const Port& input() const = 0;
  virtual const std::vector<Port>& outputs() const = 0;

  /// Runs the model once.
  ///
  /// `input` holds size_in_bytes(input()); each of `outputs` is made as large as its port.
  /// Throws Error if the library reports one.
  virtual void run(const std::vector<std::byte>& input,
                   std::vector<std::vector<std::byte>>& outputs) = 0;
};

struct RuntimeOptions {
  int threads;
  bool verbose;                           ///< let the library print what it likes
  std::vector<std::string> output_names;  ///< for libraries that cannot list a model's outputs
};

/// The library's name and version.
std::string runtime_name();

/// Opens a model file; a batch that is left open becomes 1.
///
/// Throws Error: it is damaged, of another format, or its inputs are not as described above.
std::unique_ptr<Runtime> open_runtime(const std::string& path, const RuntimeOptions& options);

}  // namespace simplebase
