// Skeletons drawn into images.
#pragma once

#include "pose/metadata.h"

namespace simplebase {

/// Draws the links of a skeleton with smooth edges, and a dot in its link's colour on each
/// keypoint.
///
/// Lines and dots are sized to the box in which the object was looked for. A keypoint that scores
/// less than `least_score` is left out, with its links.
void draw_skeleton(Image& image, const std::vector<Keypoint>& keypoints,
                   const std::vector<Link>& links, const Box& box, double least_score);

}  // namespace simplebase
