// From a box around an object to the crop that a model sees: simplebase/geometry.py.
#pragma once

#include "images/image.h"
#include "images/warp.h"

namespace simplebase {

/// In pixels; x and y are the top left corner.
struct Box {
  double x;
  double y;
  double width;
  double height;
};

/// How a model cuts its input out of an image.
struct Crop {
  double padding = 1.25;      ///< side of the crop over the object's height
  double center_shift = 0.0;  ///< pixels per unit of scale that its centre lies below the object's
};

/// Throws Error if the box has no area or lies outside of the image.
void check_box(const Box& box, const Image& image);

/// The crop of `width` and `height` that shows `box` whole, with padding around it.
Placement place(const Crop& crop, const Box& box, int width, int height);

}  // namespace simplebase
