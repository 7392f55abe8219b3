// A demo: the keypoints of the object in an image, by the library that the program is linked with.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>

#include "demo/arguments.h"
#include "demo/report.h"
#include "error.h"
#include "images/files.h"
#include "pose/drawing.h"

namespace simplebase {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr double kMinScore = 0.1;  // Where the model recommends none.

/// Standard output for the result alone: whatever a library prints there goes to standard error.
class Output {
 public:
  Output() : stream_(fdopen(dup(STDOUT_FILENO), "w")) { dup2(STDERR_FILENO, STDOUT_FILENO); }
  ~Output() {
    if (stream_) std::fclose(stream_);
  }
  void write(const std::string& text) {
    if (!stream_ || std::fputs(text.c_str(), stream_) < 0 || std::fflush(stream_) != 0) {
      throw Error("the result cannot be printed.");
    }
  }

 private:
  FILE* stream_;
};

void require_output(const Arguments& arguments) {
  if (arguments.output.empty()) return;
  require_image_suffix(arguments.output);
  std::error_code problem;
  if (!arguments.overwrite && std::filesystem::exists(arguments.output, problem)) {
    throw Error(arguments.output + " exists. Give --overwrite to replace it, or another name.");
  }
}

PoseEstimator open_model(const Arguments& arguments, Metadata metadata) {
  const RuntimeOptions options{arguments.threads, arguments.verbose, metadata.outputs};
  std::unique_ptr<Runtime> runtime = open_runtime(arguments.model, options);
  return PoseEstimator(std::move(runtime), std::move(metadata), arguments.decode);
}

/// Milliseconds of reading the image, once for each run of the model.
double reading_time(const Arguments& arguments, const std::optional<DepthRange>& range) {
  std::chrono::duration<double, std::milli> taken{0};
  for (int run = -arguments.warmup_runs; run < arguments.count; ++run) {
    const auto start = std::chrono::steady_clock::now();
    read_image(arguments.image, range);
    if (run >= 0) taken += std::chrono::steady_clock::now() - start;
  }
  return taken.count() / arguments.count;
}

/// The poses of all boxes, over and over; the times of an average one.
void estimate(PoseEstimator& estimator, const Image& image, Report& report) {
  for (int run = -report.warmup_runs; run < report.count; ++run) {
    for (Pose& pose : report.poses) {
      Times times;
      pose.keypoints = estimator(image, pose.box, times);
      if (run < 0) continue;
      report.times.crop += times.crop;
      report.times.model += times.model;
      report.times.decode += times.decode;
    }
  }
  const double runs = static_cast<double>(report.count) * report.poses.size();
  report.times = {report.times.crop / runs, report.times.model / runs, report.times.decode / runs};
}

void draw(const Arguments& arguments, const Metadata& metadata, Image& image,
          const Report& report) {
  const double recommended = metadata.min_score.value_or(kMinScore);
  const double least_score = arguments.min_score.value_or(recommended);
  for (const Pose& pose : report.poses) {
    draw_skeleton(image, pose.keypoints, metadata.links, pose.box, least_score);
  }
  write_image(arguments.output, image);
}

void run(const Arguments& arguments, Output& output) {
  require_output(arguments);
  Metadata metadata = read_metadata(arguments.model);
  const auto range = arguments.depth_range ? arguments.depth_range : metadata.depth_range;
  std::string note;
  Image image = read_image(arguments.image, range, &note);
  if (!note.empty()) std::fprintf(stderr, "Warning: %s\n", note.c_str());
  if (!arguments.classes.empty()) {
    metadata.keypoints = read_classes(arguments.classes, metadata.count());
  }
  std::vector<Box> boxes = arguments.boxes;
  if (boxes.empty()) boxes.push_back({0, 0, double(image.width), double(image.height)});
  for (const Box& box : boxes) check_box(box, image);
  PoseEstimator estimator = open_model(arguments, metadata);
  Report report{arguments.model,
                runtime_name(),
                image.width,
                image.height,
                arguments.threads,
                arguments.count,
                arguments.warmup_runs,
                reading_time(arguments, range),
                {},
                metadata.keypoints,
                {}};
  for (const Box& box : boxes) report.poses.push_back({box, {}});
  estimate(estimator, image, report);
  if (!arguments.output.empty()) draw(arguments, metadata, image, report);
  output.write(arguments.json ? as_json(report) : as_text(report));
}

int report_failure(const std::string& message, int code) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return code;
}

}  // namespace
}  // namespace simplebase

int main(int count, char** words) {
  using namespace simplebase;
  try {
    const Arguments arguments = parse_arguments({words + 1, words + count});
    if (arguments.help) {
      std::fputs(help_text(words[0], MODEL_SUFFIX).c_str(), stdout);
      return 0;
    }
    Output output;
    run(arguments, output);
    return 0;
  } catch (const UsageError& error) {
    return report_failure(error.what(), kWrongUsage);
  } catch (const Error& error) {
    return report_failure(error.what(), kFailed);
  } catch (const std::bad_alloc&) {
    return report_failure("The memory does not suffice for this image or model.", kFailed);
  } catch (const std::exception& error) {
    return report_failure(std::string("The demo failed: ") + error.what(), kFailed);
  }
}
