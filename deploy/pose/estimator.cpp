#include "pose/estimator.h"

#include <chrono>

#include "error.h"

namespace simplebase {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string text(const std::vector<int>& shape) {
  std::string text = "(";
  for (const int side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + ")";
}

}  // namespace

PoseEstimator::PoseEstimator(std::unique_ptr<Runtime> runtime, Metadata metadata,
                             DecodeMethod decode)
    : runtime_(std::move(runtime)),
      metadata_(std::move(metadata)),
      decode_(decode),
      writer_(runtime_->input(), has_channels_first()),
      source_(find_source()) {}

bool PoseEstimator::has_channels_first() const {
  const int height = metadata_.height, width = metadata_.width;
  const std::vector<int>& shape = runtime_->input().shape;
  if (shape == std::vector<int>{1, height, width, 3}) return false;
  if (shape == std::vector<int>{1, 3, height, width}) return true;
  throw Error("the model's input is " + text(shape) + ", but its .json says one image " +
              text({1, height, width, 3}) + ", or " + text({1, 3, height, width}) +
              ". Are they of the same model?");
}

std::optional<PoseEstimator::Source> PoseEstimator::as_source(size_t index) const {
  const std::vector<int>& shape = runtime_->outputs()[index].shape;
  const int height = metadata_.heatmap_height(), width = metadata_.heatmap_width();
  const int count = metadata_.count();
  if (shape == std::vector<int>{1, count, 3}) return Source{index, true, false};
  const bool last = shape == std::vector<int>{1, height, width, count};
  const bool first = shape == std::vector<int>{1, count, height, width};
  if (!last && !first) return std::nullopt;
  // Where all sides are equal, the layout is taken to be the input's.
  return Source{index, false, last && first ? has_channels_first() : first};
}

PoseEstimator::Source PoseEstimator::find_source() const {
  std::string seen;
  std::optional<Source> found;
  const size_t outputs = runtime_->outputs().size();
  for (size_t index = 0; index < outputs; ++index) {
    const std::optional<Source> source = as_source(index);
    if (source && (!found || !source->keypoints)) found = source;
    seen += (index ? " and " : "") + text(runtime_->outputs()[index].shape);
  }
  if (!found || outputs != metadata_.outputs.size()) {
    throw Error(
        "the model's output is " + seen + ", but its .json says " +
        std::to_string(metadata_.outputs.size()) + " of heatmaps " +
        text({1, metadata_.heatmap_height(), metadata_.heatmap_width(), metadata_.count()}) +
        " and keypoints " + text({1, metadata_.count(), 3}) + ". Are they of the same model?");
  }
  if (found->keypoints && decode_ != DecodeMethod::kDark) {
    throw UsageError(
        "the model answers with keypoints, decoded by dark; other ways to decode need one that "
        "answers with heatmaps. Leave out --decode.");
  }
  return *found;
}

std::vector<Keypoint> PoseEstimator::operator()(const Image& image, const Box& box, Times& times) {
  auto start = Clock::now();
  const Placement placement = place(metadata_.crop, box, metadata_.width, metadata_.height);
  writer_.write(warp(image, placement, metadata_.width, metadata_.height), input_);
  times.crop = milliseconds_since(start);

  start = Clock::now();
  runtime_->run(input_, outputs_);
  times.model = milliseconds_since(start);

  start = Clock::now();
  std::vector<Keypoint> keypoints = decoded();
  for (Keypoint& point : keypoints) {
    point.x = static_cast<float>((point.x - placement.x_offset) / placement.scale);
    point.y = static_cast<float>((point.y - placement.y_offset) / placement.scale);
  }
  times.decode = milliseconds_since(start);
  return keypoints;
}

std::vector<Keypoint> PoseEstimator::decoded() const {
  const Port& port = runtime_->outputs()[source_.index];
  std::vector<float> values = restore(port, outputs_[source_.index]);
  const int count = metadata_.count();
  if (source_.keypoints) {
    std::vector<Keypoint> keypoints;
    for (int k = 0; k < count; ++k) {
      const float* const row = &values[3 * static_cast<size_t>(k)];
      keypoints.push_back({row[0], row[1], row[2]});
    }
    return keypoints;
  }
  const int height = metadata_.heatmap_height(), width = metadata_.heatmap_width();
  if (source_.channels_first) values = channels_last(values, height, width, count);
  return decode({values.data(), height, width, count}, metadata_.codec, decode_);
}

}  // namespace simplebase
