#include "pose/drawing.h"

#include <algorithm>
#include <cmath>

namespace simplebase {
namespace {

using Colour = std::array<uint8_t, 3>;

constexpr Colour kWhite = {255, 255, 255};
// A line's thickness in pixels is two for each so many pixels of the object.
constexpr double kExtentPerWidth = 110.0;

struct Point {
  double x;
  double y;
};

double distance_to_line(Point point, Point start, Point end) {
  const double along_x = end.x - start.x, along_y = end.y - start.y;
  const double length = along_x * along_x + along_y * along_y;
  const double share =
      length > 0 ? ((point.x - start.x) * along_x + (point.y - start.y) * along_y) / length : 0.0;
  const double nearest = std::clamp(share, 0.0, 1.0);
  return std::hypot(point.x - start.x - nearest * along_x, point.y - start.y - nearest * along_y);
}

/// Blends `colour` into all pixels within `radius` of the line; a dot is a line without length.
void draw_line(Image& image, Point start, Point end, double radius, const Colour& colour) {
  const double reach = radius + 1;
  // Clamped before they become whole numbers: a keypoint may lie far outside.
  const auto first = [&](double value, int side) {
    return static_cast<int>(std::clamp(std::floor(value - reach), 0.0, double(side)));
  };
  const auto beyond = [&](double value, int side) {
    return static_cast<int>(std::clamp(std::ceil(value + reach) + 1, 0.0, double(side)));
  };
  const int right = beyond(std::max(start.x, end.x), image.width);
  const int bottom = beyond(std::max(start.y, end.y), image.height);
  for (int y = first(std::min(start.y, end.y), image.height); y < bottom; ++y) {
    for (int x = first(std::min(start.x, end.x), image.width); x < right; ++x) {
      const double distance = distance_to_line({double(x), double(y)}, start, end);
      const double cover = std::clamp(radius + 0.5 - distance, 0.0, 1.0);
      if (cover <= 0) continue;
      uint8_t* const pixel = image.row(y) + 3 * static_cast<size_t>(x);
      for (int channel = 0; channel < 3; ++channel) {
        const double blend = pixel[channel] + cover * (colour[channel] - pixel[channel]);
        pixel[channel] = static_cast<uint8_t>(std::lround(blend));
      }
    }
  }
}

}  // namespace

void draw_skeleton(Image& image, const std::vector<Keypoint>& keypoints,
                   const std::vector<Link>& links, const Box& box, double least_score) {
  // Never more than the image can bear.
  const double extent =
      std::min(std::max(box.width, box.height), double(std::max(image.width, image.height)));
  const double width = std::max(1.0, extent / kExtentPerWidth);
  const auto shown = [&](const Keypoint& point) {
    return point.score >= least_score && std::isfinite(point.x) && std::isfinite(point.y);
  };
  std::vector<Colour> colours(keypoints.size(), kWhite);
  for (const Link& link : links) colours[link.end] = link.colour;
  for (const Link& link : links) {
    const Keypoint &start = keypoints[link.start], &end = keypoints[link.end];
    colours[link.start] = link.colour;
    if (shown(start) && shown(end)) {
      draw_line(image, {start.x, start.y}, {end.x, end.y}, width, link.colour);
    }
  }
  for (size_t k = 0; k < keypoints.size(); ++k) {
    if (!shown(keypoints[k])) continue;
    const Point center{keypoints[k].x, keypoints[k].y};
    const double radius = 1 + 2 * width;
    draw_line(image, center, center, radius, kWhite);
    draw_line(image, center, center, radius * 2 / 3, colours[k]);
  }
}

}  // namespace simplebase
