#include "demo/report.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace simplebase {
namespace {

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

}  // namespace

std::string as_text(const Report& report) {
  std::string text;
  text += "model: " + report.model + ", by " + report.runtime +
          format(", %d threads\n", report.threads);
  text += format("num_classes: %zu\n", report.names.size());
  text += format("origin image size: width:%d, height:%d, channel:3\n", report.image_width,
                 report.image_height);
  text += format("model invoke average time: %.3f ms (%d runs, %d to warm up)\n",
                 report.times.model, report.count, report.warmup_runs);
  text += format("heatmap_postprocess average time: %.3f ms\n", report.times.decode);
  text += format("image read average time: %.3f ms, crop average time: %.3f ms\n", report.read_time,
                 report.times.crop);
  for (const Pose& pose : report.poses) {
    text += format("Keypoint Detection result, box %g,%g,%g,%g:\n", pose.box.x, pose.box.y,
                   pose.box.width, pose.box.height);
    for (size_t k = 0; k < pose.keypoints.size(); ++k) {
      const Keypoint& point = pose.keypoints[k];
      text += report.names[k] + format(" %.4f (%.2f, %.2f)\n", point.score, point.x, point.y);
    }
  }
  return text;
}

std::string as_json(const Report& report) {
  using Json = nlohmann::ordered_json;
  Json poses = Json::array();
  for (const Pose& pose : report.poses) {
    Json keypoints = Json::array();
    double total = 0;
    for (size_t k = 0; k < pose.keypoints.size(); ++k) {
      const Keypoint& point = pose.keypoints[k];
      keypoints.push_back(
          {{"name", report.names[k]}, {"x", point.x}, {"y", point.y}, {"score", point.score}});
      total += point.score;
    }
    const Box& box = pose.box;
    poses.push_back({{"box", {box.x, box.y, box.width, box.height}},
                     {"score", total / static_cast<double>(pose.keypoints.size())},
                     {"keypoints", keypoints}});
  }
  const Json json = {{"model", report.model},
                     {"runtime", report.runtime},
                     {"threads", report.threads},
                     {"image", {{"width", report.image_width}, {"height", report.image_height}}},
                     {"milliseconds",
                      {{"read", report.read_time},
                       {"crop", report.times.crop},
                       {"model", report.times.model},
                       {"decode", report.times.decode}}},
                     {"count", report.count},
                     {"poses", poses}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace simplebase
