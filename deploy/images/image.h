// An image in memory, and what there is to do with one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace simplebase {

/// RGB, 8 bits a channel, rows from the top.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(int columns, int rows)
      : width(columns), height(rows), pixels(static_cast<size_t>(columns) * rows * 3) {}

  uint8_t* row(int y) { return pixels.data() + static_cast<size_t>(y) * width * 3; }
  const uint8_t* row(int y) const { return pixels.data() + static_cast<size_t>(y) * width * 3; }
};

}  // namespace simplebase
