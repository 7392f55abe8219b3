#include "pose/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "error.h"

namespace simplebase {
namespace {

constexpr int kPixelValues = 256;

/// The nearest half-precision number to a pixel value, which all are exact.
uint16_t half_of_pixel(int value) {
  if (value == 0) return 0;
  int exponent = 0;
  while (value >> (exponent + 1)) ++exponent;
  const int fraction = (value << (10 - exponent)) & 0x3FF;
  return static_cast<uint16_t>((exponent + 15) << 10 | fraction);
}

float float_of_half(uint16_t half) {
  const int exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
  float magnitude;
  if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else if (exponent == 31) {
    magnitude = fraction ? NAN : INFINITY;
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

template <typename Number>
void append(std::vector<std::byte>& bytes, Number number) {
  const auto* const start = reinterpret_cast<const std::byte*>(&number);
  bytes.insert(bytes.end(), start, start + sizeof(Number));
}

/// A pixel value as the integer that stands for it.
int quantised(int value, const Port& port, int lowest) {
  const double stored = std::nearbyint(value / double(port.scale.value_or(1.0f))) + port.zero_point;
  return static_cast<int>(std::clamp(stored, double(lowest), double(lowest + 255)));
}

}  // namespace

InputWriter::InputWriter(const Port& port, bool channels_first) : channels_first_(channels_first) {
  if (port.type == ElementType::kInt8 && !port.scale) {
    throw Error("the model's input is int8, but the file does not say by which scale.");
  }
  if (port.scale && !(*port.scale > 0))
    throw Error("the scale of the model's input is not above 0.");
  for (int value = 0; value < kPixelValues; ++value) {
    switch (port.type) {
      case ElementType::kFloat32: append(stored_, static_cast<float>(value)); break;
      case ElementType::kFloat16: append(stored_, half_of_pixel(value)); break;
      case ElementType::kUInt8:
        append(stored_, static_cast<uint8_t>(quantised(value, port, 0)));
        break;
      case ElementType::kInt8:
        append(stored_, static_cast<int8_t>(quantised(value, port, -128)));
        break;
    }
  }
  bytes_ = stored_.size() / kPixelValues;
}

void InputWriter::write(const Image& crop, std::vector<std::byte>& input) const {
  input.resize(crop.pixels.size() * bytes_);
  if (bytes_ == 4) {
    place<4>(crop, input);
  } else if (bytes_ == 2) {
    place<2>(crop, input);
  } else {
    place<1>(crop, input);
  }
}

template <size_t kBytes>
void InputWriter::place(const Image& crop, std::vector<std::byte>& input) const {
  const size_t area = static_cast<size_t>(crop.width) * crop.height;
  const size_t step = channels_first_ ? 1 : 3, plane = channels_first_ ? area : 1;
  const uint8_t* pixel = crop.pixels.data();
  for (size_t i = 0; i < area; ++i) {
    for (size_t channel = 0; channel < 3; ++channel, ++pixel) {
      // Of a size that is known here, this is one instruction.
      std::memcpy(&input[(i * step + channel * plane) * kBytes], &stored_[*pixel * kBytes], kBytes);
    }
  }
}

std::vector<float> restore(const Port& port, const std::vector<std::byte>& stored) {
  const size_t count = stored.size() / (size_in_bytes(Port{port.type, {}, {}, 0}));
  std::vector<float> values(count);
  if (port.type == ElementType::kFloat32) {
    std::memcpy(values.data(), stored.data(), stored.size());
    return values;
  }
  if (port.type == ElementType::kFloat16) {
    for (size_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, &stored[2 * i], sizeof half);
      values[i] = float_of_half(half);
    }
    return values;
  }
  if (!port.scale) {
    throw Error("the model's output is of integers, but the file does not say by which scale.");
  }
  const auto zero_point = static_cast<float>(port.zero_point);
  for (size_t i = 0; i < count; ++i) {
    const int number = port.type == ElementType::kUInt8 ? int(static_cast<uint8_t>(stored[i]))
                                                        : int(static_cast<int8_t>(stored[i]));
    values[i] = (static_cast<float>(number) - zero_point) * *port.scale;
  }
  return values;
}

std::vector<float> channels_last(const std::vector<float>& maps, int height, int width, int count) {
  std::vector<float> moved(maps.size());
  const size_t area = static_cast<size_t>(height) * width;
  for (int k = 0; k < count; ++k) {
    for (size_t cell = 0; cell < area; ++cell) moved[cell * count + k] = maps[k * area + cell];
  }
  return moved;
}

}  // namespace simplebase
