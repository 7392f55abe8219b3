// Heatmaps to keypoints: the numbers of simplebase/codec.py.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace simplebase {

enum class DecodeMethod { kArgmax, kQuarter, kDark };

/// Throws UsageError on a name that is none of argmax, quarter and dark.
DecodeMethod decode_method(const std::string& name);

/// How cells of a heatmap lie in the input, and how wide its peaks are.
struct Codec {
  int stride = 4;       ///< input pixels a cell
  double sigma = 2.0;   ///< of the Gaussian, in cells
  double offset = 1.5;  ///< input pixel of cell 0, along either axis
};

/// Input pixel of cell 0 by the name of an alignment, see HeatmapCodec in Python; none if unknown.
std::optional<double> cell_offset(const std::string& alignment, int stride);

/// A point in pixels and the height of its peak.
struct Keypoint {
  float x;
  float y;
  float score;
};

/// Heatmaps (h, w, K), the last axis running fastest.
struct Heatmaps {
  const float* values;
  int height;
  int width;
  int count;

  float at(int y, int x, int k) const {
    return values[(static_cast<size_t>(y) * width + x) * count + k];
  }
};

/// The peak of each of `K` heatmaps in input pixels.
///
/// `argmax` is the highest cell; `quarter` goes a quarter cell from there towards the higher
/// neighbour; `dark` takes a Taylor step on the logarithm of the blurred map (Zhang et al., CVPR
/// 2020, https://arxiv.org/abs/1910.06278).
std::vector<Keypoint> decode(const Heatmaps& heatmaps, const Codec& codec, DecodeMethod method);

}  // namespace simplebase
