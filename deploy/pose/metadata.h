// What a model says of itself in the file FILE.json beside it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "images/depth.h"
#include "pose/codec.h"
#include "pose/crop.h"

namespace simplebase {

/// A line drawn between two keypoints.
struct Link {
  int start;
  int end;
  std::array<uint8_t, 3> colour;  ///< RGB
};

struct Metadata {
  int height = 0;  ///< of the input, in pixels
  int width = 0;
  Crop crop;
  Codec codec;
  std::vector<std::string> keypoints;  ///< K names
  std::vector<Link> links;
  std::vector<std::string> outputs;       ///< of "heatmaps" and "keypoints"
  std::optional<DepthRange> depth_range;  ///< that it was trained with
  std::optional<double> min_score;  ///< below which a keypoint should not be shown, 0 to 1

  int count() const { return static_cast<int>(keypoints.size()); }
  int heatmap_height() const { return height / codec.stride; }
  int heatmap_width() const { return width / codec.stride; }
};

/// Reads the sidecar of a model file: its name and `.json`, as `simplebase export` writes it.
///
/// Throws Error: there is none, or a value is missing or of another kind.
Metadata read_metadata(const std::string& model);

/// Names of keypoints, one a line.
///
/// Throws Error: the file cannot be read, or does not hold `count` names, as many as the model has.
std::vector<std::string> read_classes(const std::string& path, int count);

}  // namespace simplebase
