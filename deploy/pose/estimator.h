// From an image and boxes to keypoints in the image's own pixels.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "pose/metadata.h"
#include "pose/tensors.h"

namespace simplebase {

/// Milliseconds that the parts of one pose took.
struct Times {
  double crop = 0;
  double model = 0;
  double decode = 0;
};

/// Finds the keypoints of the object in a box of an image.
class PoseEstimator {
 public:
  /// `decode` is for heatmaps, which are taken where a model answers with both; one that answers
  /// with keypoints alone has decoded them itself, by `dark`.
  ///
  /// Throws Error if the model does not fit its metadata, or cannot be decoded so.
  PoseEstimator(std::unique_ptr<Runtime> runtime, Metadata metadata, DecodeMethod decode);

  /// `K` keypoints in pixels of `image`; the box is one that check_box lets pass.
  std::vector<Keypoint> operator()(const Image& image, const Box& box, Times& times);

  const Metadata& metadata() const { return metadata_; }
  const Runtime& runtime() const { return *runtime_; }

 private:
  /// An output of the model that is used.
  struct Source {
    size_t index;
    bool keypoints;
    bool channels_first;
  };

  bool has_channels_first() const;
  Source find_source() const;
  std::optional<Source> as_source(size_t index) const;
  std::vector<Keypoint> decoded() const;

  std::unique_ptr<Runtime> runtime_;
  Metadata metadata_;
  DecodeMethod decode_;
  InputWriter writer_;
  Source source_;
  std::vector<std::byte> input_;
  std::vector<std::vector<std::byte>> outputs_;
};

}  // namespace simplebase
