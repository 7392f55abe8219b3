// Between pixels and heatmaps and the bytes that a model stores for them.
#pragma once

#include "images/image.h"
#include "runtimes/runtime.h"

namespace simplebase {

/// The crop as the model stores it: its number type and scale, channels first or last.
class InputWriter {
 public:
  /// Throws Error if the scale of signed integers is unknown.
  InputWriter(const Port& port, bool channels_first);

  void write(const Image& crop, std::vector<std::byte>& input) const;

 private:
  template <size_t kBytes>
  void place(const Image& crop, std::vector<std::byte>& input) const;

  size_t bytes_;  // of a number
  bool channels_first_;
  std::vector<std::byte> stored_;  // each of the 256 values of a pixel, converted once
};

/// float32 of what an output stores.
///
/// Throws Error if it stores integers whose scale is unknown.
std::vector<float> restore(const Port& port, const std::vector<std::byte>& stored);

/// (K, h, w) to (h, w, K).
std::vector<float> channels_last(const std::vector<float>& maps, int height, int width, int count);

}  // namespace simplebase
