// The demo's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "images/depth.h"
#include "pose/codec.h"
#include "pose/crop.h"

namespace simplebase {

struct Arguments {
  std::string model;
  std::string image;
  std::string classes;
  std::string output;
  std::vector<Box> boxes;
  std::optional<DepthRange> depth_range;  ///< in place of the model's own
  DecodeMethod decode = DecodeMethod::kDark;
  int threads = 1;
  int count = 1;
  int warmup_runs = 2;
  std::optional<double> min_score;  ///< in place of what the model recommends
  bool json = false;
  bool overwrite = false;
  bool verbose = false;
  bool help = false;
};

/// `words` are those behind the program's name. Options read `--name value` or `--name=value`, with
/// `_` as good as `-` in names.
///
/// Throws UsageError on what is unknown, missing or no number.
Arguments parse_arguments(const std::vector<std::string>& words);

/// What `--help` prints; `suffix` is that of a model file.
std::string help_text(const std::string& program, const std::string& suffix);

}  // namespace simplebase
