#include "pose/codec.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "error.h"

namespace simplebase {
namespace {

// Float32 Gaussians vanish far from the peak, and networks answer below zero.
constexpr double kFloor = 1e-10;

struct Cell {
  int x;
  int y;
};

struct Point {
  double x;
  double y;
};

using Patch = std::array<std::array<double, 3>, 3>;

std::vector<Cell> peaks_of(const Heatmaps& maps) {
  std::vector<Cell> peaks(maps.count, Cell{0, 0});
  std::vector<float> highest(maps.values, maps.values + maps.count);
  const float* value = maps.values;
  for (int y = 0; y < maps.height; ++y) {
    for (int x = 0; x < maps.width; ++x) {
      for (int k = 0; k < maps.count; ++k, ++value) {
        if (*value > highest[k]) {
          highest[k] = *value;
          peaks[k] = {x, y};
        }
      }
    }
  }
  return peaks;
}

double sign(float value) { return (value > 0) - (value < 0); }

Point quarter_step(const Heatmaps& maps, int k, Cell peak) {
  Point point{static_cast<double>(peak.x), static_cast<double>(peak.y)};
  // As in the official code, which asks for 1 < x < w - 1, and y likewise.
  if (peak.x > 1 && peak.x < maps.width - 1 && peak.y > 1 && peak.y < maps.height - 1) {
    point.x += 0.25 * sign(maps.at(peak.y, peak.x + 1, k) - maps.at(peak.y, peak.x - 1, k));
    point.y += 0.25 * sign(maps.at(peak.y + 1, peak.x, k) - maps.at(peak.y - 1, peak.x, k));
  }
  return point;
}

/// Weights of a blur: for each of three neighbouring cells, of the cells within `reach` around the
/// middle one. Towards the border, `room` cells away, the blur narrows: a clipped one would bias.
class Blur {
 public:
  Blur(double sigma, int radius, int room) : radius_(radius), weights_(3 * (2 * radius + 3)) {
    for (int cell = -1; cell <= 1; ++cell) {
      for (int reach = -radius - 1; reach <= radius + 1; ++reach) {
        const int distance = std::abs(reach - cell);
        const bool within = distance <= std::min(radius, room);
        at(cell, reach) = within ? std::exp(-(distance * distance) / (2 * sigma * sigma)) : 0.0;
      }
    }
  }

  double& at(int cell, int reach) {
    return weights_[static_cast<size_t>(cell + 1) * (2 * radius_ + 3) + (reach + radius_ + 1)];
  }

 private:
  int radius_;
  std::vector<double> weights_;
};

/// The 3x3 cells around `middle` of the map blurred by the codec's own Gaussian.
Patch blurred(const Heatmaps& maps, int k, Cell middle, double sigma) {
  // Python's round: to the even one of two that are equally near.
  const int radius = static_cast<int>(std::nearbyint(2 * sigma));
  Blur across(sigma, radius, std::min(middle.x, maps.width - 1 - middle.x) - 1);
  Blur down(sigma, radius, std::min(middle.y, maps.height - 1 - middle.y) - 1);
  Patch patch{};
  for (int v = -radius - 1; v <= radius + 1; ++v) {
    const int y = std::clamp(middle.y + v, 0, maps.height - 1);
    std::array<double, 3> line{};
    for (int u = -radius - 1; u <= radius + 1; ++u) {
      const double value = maps.at(y, std::clamp(middle.x + u, 0, maps.width - 1), k);
      for (int i = -1; i <= 1; ++i) line[i + 1] += across.at(i, u) * value;
    }
    for (int j = -1; j <= 1; ++j) {
      for (int i = 0; i < 3; ++i) patch[j + 1][i] += down.at(j, v) * line[i];
    }
  }
  return patch;
}

Point dark_step(const Heatmaps& maps, int k, Cell peak, double sigma) {
  // In the outermost cells the parabola is fitted around their inner neighbour, which gives the
  // same answer for a Gaussian.
  const Cell middle{std::clamp(peak.x, 1, maps.width - 2), std::clamp(peak.y, 1, maps.height - 2)};
  Patch s = blurred(maps, k, middle, sigma);
  for (auto& line : s) {
    for (double& value : line) value = std::log(std::max(value, kFloor));
  }
  const double gradient_x = (s[1][2] - s[1][0]) / 2;
  const double gradient_y = (s[2][1] - s[0][1]) / 2;
  const double xx = s[1][2] - 2 * s[1][1] + s[1][0];
  const double yy = s[2][1] - 2 * s[1][1] + s[0][1];
  const double xy = (s[2][2] - s[2][0] - s[0][2] + s[0][0]) / 4;
  const double determinant = xx * yy - xy * xy;
  // Only a maximum has a peak to step to; flat and saddle-shaped maps keep their cell.
  if (!(xx < 0 && determinant > 1e-12)) return {double(peak.x), double(peak.y)};
  const double x = middle.x + (xy * gradient_y - yy * gradient_x) / determinant;
  const double y = middle.y + (xy * gradient_x - xx * gradient_y) / determinant;
  // Farther than a cell from the highest one is no refinement but a bad fit.
  return {std::clamp(x, peak.x - 1.0, peak.x + 1.0), std::clamp(y, peak.y - 1.0, peak.y + 1.0)};
}

}  // namespace

std::optional<double> cell_offset(const std::string& alignment, int stride) {
  const double middle = (stride - 1) / 2.0;
  if (alignment == "center") return middle;
  if (alignment == "corner") return 0.0;
  // Its cells count from 1.
  if (alignment == "upstream") return middle - stride;
  return std::nullopt;
}

DecodeMethod decode_method(const std::string& name) {
  if (name == "argmax") return DecodeMethod::kArgmax;
  if (name == "quarter") return DecodeMethod::kQuarter;
  if (name == "dark") return DecodeMethod::kDark;
  throw UsageError("--decode is argmax, quarter or dark. Received: " + name + ".");
}

std::vector<Keypoint> decode(const Heatmaps& maps, const Codec& codec, DecodeMethod method) {
  const std::vector<Cell> peaks = peaks_of(maps);
  std::vector<Keypoint> keypoints;
  for (int k = 0; k < maps.count; ++k) {
    const Cell peak = peaks[k];
    Point point{static_cast<double>(peak.x), static_cast<double>(peak.y)};
    if (method == DecodeMethod::kQuarter) point = quarter_step(maps, k, peak);
    if (method == DecodeMethod::kDark) point = dark_step(maps, k, peak, codec.sigma);
    keypoints.push_back({static_cast<float>(point.x * codec.stride + codec.offset),
                         static_cast<float>(point.y * codec.stride + codec.offset),
                         maps.at(peak.y, peak.x, k)});
  }
  return keypoints;
}

}  // namespace simplebase
