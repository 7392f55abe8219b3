#include "images/warp.h"

#include <algorithm>
#include <cmath>

namespace simplebase {
namespace {

/// By which power of two pixels are averaged before they are sampled at `scale`, of `side` pixels.
int reduction_for(double scale, int side) {
  const double halvings = std::max(0.0, std::floor(-std::log2(scale)));
  return static_cast<int>(std::min(std::exp2(halvings), static_cast<double>(side)));
}

/// To the nearest whole number, of two to the even one, as OpenCV rounds. Adding and taking away
/// what leaves no bits for a fraction does that faster than any function, and many at once.
uint8_t rounded(float value) {
  constexpr float kNoFraction = 12582912.0f;  // 1.5 * 2^23
  return static_cast<uint8_t>(static_cast<int>((value + kNoFraction) - kNoFraction));
}

/// The mean of the `down * across` bytes whose sum is `sum`, rounded as OpenCV's INTER_AREA does.
uint8_t mean(uint64_t sum, int down, int across) {
  if (down == 2 && across == 2) return static_cast<uint8_t>((sum + 2) >> 2);
  return rounded(static_cast<float>(sum) * (1.0f / static_cast<float>(int64_t{down} * across)));
}

/// Means of `across` each of the columns' sums over `down` rows.
void add_across(const std::vector<uint32_t>& columns, int width, int down, int across, uint8_t* out,
                int count) {
  const int whole = width / across;
  for (int x = 0; x < count; ++x) {
    const uint32_t* column = &columns[3 * static_cast<size_t>(x) * across];
    const int present = x < whole ? across : width - whole * across;
    uint64_t sums[3] = {0, 0, 0};
    for (int i = 0; i < present; ++i, column += 3) {
      for (int channel = 0; channel < 3; ++channel) sums[channel] += column[channel];
    }
    for (int channel = 0; channel < 3; ++channel) {
      const uint64_t filling = present < across ? column[channel - 3] : 0;
      const auto missing = static_cast<uint64_t>(across - present);
      *out++ = mean(sums[channel] + filling * missing, down, across);
    }
  }
}

/// `image` averaged over rectangles of pixels, the last ones filled up with their last pixels.
Image shrunk(const Image& image, int down, int across) {
  Image small((image.width + across - 1) / across, (image.height + down - 1) / down);
  // First down, which is quick, then across. A column's sum fits: no reduction is beyond 2^24.
  std::vector<uint32_t> columns(static_cast<size_t>(image.width) * 3);
  for (int y = 0; y < small.height; ++y) {
    std::fill(columns.begin(), columns.end(), 0);
    for (int line = y * down; line < (y + 1) * down; ++line) {
      const uint8_t* const in = image.row(std::min(line, image.height - 1));
      for (size_t i = 0; i < columns.size(); ++i) columns[i] += in[i];
    }
    add_across(columns, image.width, down, across, small.row(y), small.width);
  }
  return small;
}

/// For each pixel of a line of the crop: the first of the two source pixels that it lies between,
/// -1 being the black one before the image, and how near it is to the second.
struct Sampling {
  std::vector<int> first;
  std::vector<float> share;
};

/// `other` is the scale along the other axis, by which OpenCV inverts the matrix of both.
Sampling sample_line(double scale, double other, double offset, int count, int source) {
  Sampling line{std::vector<int>(count), std::vector<float>(count)};
  // In float32 from the inverse matrix on, as OpenCV does it.
  const double inverse = 1.0 / (scale * other) * other;
  const auto step = static_cast<float>(inverse);
  const auto start = static_cast<float>(-inverse * offset);
  for (int i = 0; i < count; ++i) {
    const float place = step * static_cast<float>(i) + start;
    const float floor = std::floor(place);
    const bool within = floor >= -1.0f && floor < static_cast<float>(source);
    line.first[i] = within ? static_cast<int>(floor) : -1;
    line.share[i] = within ? place - floor : 0.0f;
  }
  return line;
}

/// Rows of the image, sampled across; the last two are kept, since the next row of the crop often
/// lies between the same.
class Rows {
 public:
  Rows(const Image& image, const Sampling& across)
      : image_(image), across_(across), padded_((static_cast<size_t>(image.width) + 2) * 3) {}

  /// Three floats a pixel of the crop; black outside of the image.
  const float* row(int y) {
    Row& row = rows_[y & 1];
    if (row.y != y || row.values.empty()) {
      row = {y, std::vector<float>(across_.first.size() * 3)};
      if (y >= 0 && y < image_.height) sample(y, row.values);
    }
    return row.values.data();
  }

 private:
  struct Row {
    int y = 0;
    std::vector<float> values;
  };

  void sample(int y, std::vector<float>& values) {
    // With a black pixel at either end.
    std::copy_n(image_.row(y), static_cast<size_t>(image_.width) * 3, padded_.begin() + 3);
    float* out = values.data();
    for (size_t x = 0; x < across_.first.size(); ++x) {
      const uint8_t* const left = &padded_[3 * static_cast<size_t>(across_.first[x] + 1)];
      for (int channel = 0; channel < 3; ++channel) {
        const auto first = static_cast<float>(left[channel]);
        *out++ = first + across_.share[x] * (static_cast<float>(left[channel + 3]) - first);
      }
    }
  }

  const Image& image_;
  const Sampling& across_;
  std::vector<uint8_t> padded_;
  Row rows_[2];
};

}  // namespace

Image warp(const Image& source, const Placement& placement, int width, int height) {
  const double scale = placement.scale;
  const int reduce_x = reduction_for(scale, source.width);
  const int reduce_y = reduction_for(scale, source.height);
  Image small;
  if (reduce_x > 1 || reduce_y > 1) small = shrunk(source, reduce_y, reduce_x);
  const Image& image = reduce_x > 1 || reduce_y > 1 ? small : source;
  // Pixel i of the small image lies at i * reduction + (reduction - 1) / 2 of the large one.
  const double x_offset = placement.x_offset + scale * ((reduce_x - 1) / 2.0);
  const double y_offset = placement.y_offset + scale * ((reduce_y - 1) / 2.0);
  const Sampling across =
      sample_line(scale * reduce_x, scale * reduce_y, x_offset, width, image.width);
  const Sampling down =
      sample_line(scale * reduce_y, scale * reduce_x, y_offset, height, image.height);
  Rows rows(image, across);
  Image crop(width, height);
  for (int y = 0; y < height; ++y) {
    const float* const upper = rows.row(down.first[y]);
    const float* const lower = rows.row(down.first[y] + 1);
    const float share = down.share[y];
    uint8_t* const out = crop.row(y);
    for (int i = 0; i < width * 3; ++i) out[i] = rounded(upper[i] + share * (lower[i] - upper[i]));
  }
  return crop;
}

}  // namespace simplebase
