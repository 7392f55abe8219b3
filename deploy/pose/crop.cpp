#include "pose/crop.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "error.h"

namespace simplebase {
namespace {

// Height in pixels of a person of scale 1 (MPII, http://human-pose.mpi-inf.mpg.de).
constexpr double kPersonPixels = 200.0;

std::string text(const Box& box) {
  std::ostringstream out;
  out << box.x << ',' << box.y << ',' << box.width << ',' << box.height;
  return out.str();
}

}  // namespace

void check_box(const Box& box, const Image& image) {
  const bool finite = std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.width) &&
                      std::isfinite(box.height);
  if (!finite || box.width <= 0 || box.height <= 0) {
    throw Error("a box is x,y,width,height in pixels, the latter two above 0. Received: " +
                text(box) + ".");
  }
  if (box.x >= image.width || box.y >= image.height || box.x + box.width <= 0 ||
      box.y + box.height <= 0) {
    throw Error("the box " + text(box) + " lies outside of the image of " +
                std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels.");
  }
}

Placement place(const Crop& crop, const Box& box, int width, int height) {
  // A box from 0 to w covers the pixel centres 0 to w - 1.
  const double center_x = box.x + (box.width - 1) / 2;
  const double extent = std::max(box.height, box.width * height / width);
  const double scale = extent / kPersonPixels;
  double center_y = box.y + (box.height - 1) / 2;
  center_y -= crop.center_shift * scale;
  const double magnification = height / (kPersonPixels * scale * crop.padding);
  center_y += crop.center_shift * scale;
  return {magnification, (width - 1) / 2.0 - center_x * magnification,
          (height - 1) / 2.0 - center_y * magnification};
}

}  // namespace simplebase
