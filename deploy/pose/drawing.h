// Skeletons drawn into images.
#pragma once

#include "pose/metadata.h"

namespace simplebase {

/// Draws the links of a skeleton with smooth edges, and a dot on each keypoint: in the colour of the
/// last link that starts there, or else of the last one that ends there; white without links.
///
/// Lines and dots are sized to the box in which the object was looked for. A keypoint that scores
/// less than `least_score` is left out, with its links.
void draw_skeleton(Image& image, const std::vector<Keypoint>& keypoints,
                   const std::vector<Link>& links, const Box& box, double least_score);

}  // namespace simplebase
