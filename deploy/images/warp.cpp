#include "images/warp.h"

#include <algorithm>
#include <cmath>

namespace simplebase {
namespace {

/// By which power of two an image is averaged down before it is sampled at `scale`.
int reduction_for(double scale, const Image& image) {
  const double halvings = std::max(0.0, std::floor(-std::log2(std::sqrt(scale * scale))));
  const double shortest = std::min(image.width, image.height);
  return static_cast<int>(std::min(std::exp2(halvings), shortest));
}

/// To the nearest whole number, of two to the even one, as OpenCV rounds.
uint8_t rounded(float value) { return static_cast<uint8_t>(std::lrintf(value)); }

/// The mean of the `side * side` bytes whose sum is `sum`, rounded as OpenCV's INTER_AREA does.
uint8_t mean(uint64_t sum, int side) {
  if (side == 2) return static_cast<uint8_t>((sum + 2) >> 2);
  return rounded(static_cast<float>(sum) * (1.0f / static_cast<float>(side * side)));
}

/// `image` averaged over squares of `side` pixels, the last ones filled up with their last pixels.
Image shrunk(const Image& image, int side) {
  Image small((image.width + side - 1) / side, (image.height + side - 1) / side);
  // First down, which is quick, then across. A column's sum fits: no side is beyond 2^24.
  std::vector<uint32_t> columns(static_cast<size_t>(image.width) * 3);
  for (int y = 0; y < small.height; ++y) {
    std::fill(columns.begin(), columns.end(), 0);
    for (int line = y * side; line < (y + 1) * side; ++line) {
      const uint8_t* const in = image.row(std::min(line, image.height - 1));
      for (size_t i = 0; i < columns.size(); ++i) columns[i] += in[i];
    }
    uint8_t* out = small.row(y);
    for (int x = 0; x < small.width; ++x) {
      const int end = std::min((x + 1) * side, image.width);
      const auto filling = static_cast<uint64_t>((x + 1) * side - end);
      const uint32_t* const last = &columns[3 * static_cast<size_t>(end - 1)];
      for (int channel = 0; channel < 3; ++channel) {
        uint64_t sum = filling * last[channel];
        for (int column = x * side; column < end; ++column) {
          sum += columns[3 * static_cast<size_t>(column) + channel];
        }
        *out++ = mean(sum, side);
      }
    }
  }
  return small;
}

/// For each pixel of a line of the crop: the first of the two source pixels that it lies between,
/// -2 where both are outside, and how near it is to the second.
struct Sampling {
  std::vector<int> first;
  std::vector<float> share;
};

Sampling sample_line(double scale, double offset, int count, int source) {
  Sampling line{std::vector<int>(count), std::vector<float>(count)};
  // In float32 from the inverse matrix on, as OpenCV does it.
  const auto step = static_cast<float>(1.0 / (scale * scale) * scale);
  const auto start = static_cast<float>(-(1.0 / (scale * scale) * scale) * offset);
  for (int i = 0; i < count; ++i) {
    const float place = step * static_cast<float>(i) + start;
    const float floor = std::floor(place);
    const bool beyond = !(floor >= -1.0f && floor < static_cast<float>(source));
    line.first[i] = beyond ? -2 : static_cast<int>(floor);
    line.share[i] = beyond ? 0.0f : place - floor;
  }
  return line;
}

/// A row of the image, or of black outside of it.
const uint8_t* row_or_black(const Image& image, int y, const std::vector<uint8_t>& black) {
  return y >= 0 && y < image.height ? image.row(y) : black.data();
}

}  // namespace

Image warp(const Image& source, const Placement& requested, int width, int height) {
  Placement placement = requested;
  const int reduction = reduction_for(requested.scale, source);
  Image small;
  if (reduction > 1) {
    small = shrunk(source, reduction);
    // Pixel i of the small image lies at i * reduction + (reduction - 1) / 2 of the large one.
    placement.x_offset += requested.scale * ((reduction - 1) / 2.0);
    placement.y_offset += requested.scale * ((reduction - 1) / 2.0);
    placement.scale *= reduction;
  }
  const Image& image = reduction > 1 ? small : source;
  const std::vector<uint8_t> black(static_cast<size_t>(image.width) * 3);
  const uint8_t nothing[3] = {0, 0, 0};
  const Sampling across = sample_line(placement.scale, placement.x_offset, width, image.width);
  const Sampling down = sample_line(placement.scale, placement.y_offset, height, image.height);
  Image crop(width, height);
  for (int y = 0; y < height; ++y) {
    const uint8_t* const upper = row_or_black(image, down.first[y], black);
    const uint8_t* const lower = row_or_black(image, down.first[y] + 1, black);
    const float below = down.share[y];
    uint8_t* out = crop.row(y);
    for (int x = 0; x < width; ++x, out += 3) {
      const int left = across.first[x];
      const bool has_left = left >= 0, has_right = left >= -1 && left + 1 < image.width;
      const uint8_t* const a = has_left ? upper + 3 * size_t(left) : nothing;
      const uint8_t* const b = has_right ? upper + 3 * size_t(left + 1) : nothing;
      const uint8_t* const c = has_left ? lower + 3 * size_t(left) : nothing;
      const uint8_t* const d = has_right ? lower + 3 * size_t(left + 1) : nothing;
      const float right = across.share[x];
      for (int channel = 0; channel < 3; ++channel) {
        const float top = a[channel] + right * static_cast<float>(b[channel] - a[channel]);
        const float bottom = c[channel] + right * static_cast<float>(d[channel] - c[channel]);
        out[channel] = rounded(top + below * (bottom - top));
      }
    }
  }
  return crop;
}

}  // namespace simplebase
