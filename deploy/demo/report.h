// What the demo prints.
#pragma once

#include <string>
#include <vector>

#include "pose/estimator.h"

namespace simplebase {

struct Pose {
  Box box;
  std::vector<Keypoint> keypoints;
};

/// Everything that a run of the demo found.
struct Report {
  std::string model;
  std::string runtime;
  int image_width;
  int image_height;
  int threads;
  int count;
  int warmup_runs;
  double read_time;  ///< of the image, milliseconds
  Times times;       ///< averages of a box
  std::vector<std::string> names;
  std::vector<Pose> poses;
};

std::string as_text(const Report& report);
std::string as_json(const Report& report);

}  // namespace simplebase
