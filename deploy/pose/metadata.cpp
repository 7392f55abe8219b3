#include "pose/metadata.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "error.h"

namespace simplebase {
namespace {

using Json = nlohmann::json;

// Far beyond any model; a damaged file shall not ask for all the memory there is.
constexpr int kLongestSide = 8192;
constexpr double kWidestSigma = 100.0;
constexpr size_t kMostKeypoints = 10000;
constexpr size_t kMostLinks = 100000;
constexpr size_t kLongestName = 800;  // Bytes: 200 characters of four.
constexpr double kLargestPadding = 100.0, kLargestShift = 10000.0;
constexpr uintmax_t kMostBytes = 16 << 20;
constexpr const char* kByteOrderMark = "\xef\xbb\xbf";

const std::array<uint8_t, 3> kRed = {235, 64, 52}, kGreen = {52, 199, 89}, kBlue = {48, 128, 255};

/// What is not as it should be; read_metadata says in which file.
class Damage : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string shortened(const std::string& text) {
  return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

std::array<uint8_t, 3> colour_of(const std::string& text) {
  if (text == "r") return kRed;
  if (text == "g") return kGreen;
  if (text == "b") return kBlue;
  const bool hexadecimal = text.size() == 7 && text[0] == '#' &&
                           text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
  if (!hexadecimal) {
    throw Damage("a colour is r, g, b or #rrggbb, but one is \"" + shortened(text) + '"');
  }
  const unsigned long rgb = std::stoul(text.substr(1), nullptr, 16);
  return {uint8_t(rgb >> 16), uint8_t(rgb >> 8), uint8_t(rgb)};
}

int side_of(const Json& value) {
  if (!value.is_number_integer()) throw Damage("input_size must be two whole numbers");
  const auto side = value.get<int64_t>();
  if (side < 1 || side > kLongestSide) throw Damage("a side of input_size must be from 1 to 8192");
  return static_cast<int>(side);
}

Codec codec_of(const Json& config) {
  Codec codec;
  codec.stride = config.at("stride").get<int>();
  codec.sigma = config.at("sigma").get<double>();
  const auto alignment = config.at("alignment").get<std::string>();
  const auto offset = cell_offset(alignment, codec.stride);
  if (!offset) {
    throw Damage("alignment must be center, corner or upstream, but it is \"" + alignment + '"');
  }
  codec.offset = *offset;
  if (codec.stride < 1) throw Damage("stride must be at least 1");
  if (!(codec.sigma > 0 && codec.sigma <= kWidestSigma)) {
    throw Damage("sigma must be above 0 and at most 100");
  }
  return codec;
}

using Indices = std::unordered_map<std::string, int>;

/// Where each name stands in the list.
Indices indices_of(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > kMostKeypoints) {
    throw Damage("keypoints must be 1 to 10000 names");
  }
  Indices indices;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kLongestName) {
      throw Damage("a keypoint's name has 1 to 800 bytes");
    }
    if (!indices.emplace(name, static_cast<int>(indices.size())).second) {
      throw Damage("two keypoints are called \"" + shortened(name) + '"');
    }
  }
  return indices;
}

int index_of(const std::string& name, const Indices& indices) {
  const auto place = indices.find(name);
  if (place == indices.end()) {
    throw Damage("a link names \"" + shortened(name) + "\", which is no keypoint");
  }
  return place->second;
}

std::vector<Link> links_of(const Json& skeleton, const Indices& indices) {
  const Json links = skeleton.value("links", Json::array());
  if (links.size() > kMostLinks) throw Damage("there are at most 100000 links");
  std::vector<Link> result;
  for (const Json& link : links) {
    result.push_back({index_of(link.at(0).get<std::string>(), indices),
                      index_of(link.at(1).get<std::string>(), indices),
                      colour_of(link.at(2).get<std::string>())});
  }
  return result;
}

std::vector<std::string> outputs_of(const Json& config) {
  const auto outputs = config.value("outputs", std::vector<std::string>{"heatmaps"});
  const bool known = std::all_of(outputs.begin(), outputs.end(), [](const std::string& name) {
    return name == "heatmaps" || name == "keypoints";
  });
  if (outputs.empty() || outputs.size() > 2 || !known) {
    throw Damage("outputs must be heatmaps, keypoints or both");
  }
  return outputs;
}

Metadata metadata_of(const Json& config) {
  Metadata metadata;
  const Json& size = config.at("input_size");
  if (!size.is_array() || size.size() != 2) throw Damage("input_size must be two whole numbers");
  metadata.height = side_of(size.at(0));
  metadata.width = side_of(size.at(1));
  metadata.crop.padding = config.at("crop").at("padding").get<double>();
  metadata.crop.center_shift = config.at("crop").at("center_shift").get<double>();
  if (!(metadata.crop.padding > 0 && metadata.crop.padding <= kLargestPadding)) {
    throw Damage("padding must be above 0 and at most 100");
  }
  if (!(std::abs(metadata.crop.center_shift) <= kLargestShift)) {
    throw Damage("center_shift must be from -10000 to 10000");
  }
  metadata.codec = codec_of(config.at("codec"));
  if (metadata.height % metadata.codec.stride || metadata.width % metadata.codec.stride ||
      metadata.heatmap_height() < 3 || metadata.heatmap_width() < 3) {
    throw Damage("each side of input_size must be a multiple of stride, and at least three times it");
  }
  const Json& skeleton = config.at("skeleton");
  metadata.keypoints = skeleton.at("keypoints").get<std::vector<std::string>>();
  metadata.links = links_of(skeleton, indices_of(metadata.keypoints));
  metadata.outputs = outputs_of(config);
  const Json depth = config.value("depth_range", Json());
  if (!depth.is_null()) {
    metadata.depth_range = depth_range(depth.get<std::string>());
    if (!metadata.depth_range) throw Damage("depth_range must be LOW,HIGH or file");
  }
  const Json min_score = config.value("min_score", Json());
  if (!min_score.is_null()) {
    metadata.min_score = min_score.get<double>();
    if (!(*metadata.min_score >= 0 && *metadata.min_score <= 1)) {
      throw Damage("min_score must be from 0 to 1");
    }
  }
  return metadata;
}

}  // namespace

Metadata read_metadata(const std::string& model) {
  const std::string path = model + ".json";
  std::error_code problem;
  if (!std::filesystem::exists(model, problem)) {
    throw Error(model + " does not exist: a model file is expected there.");
  }
  if (!std::filesystem::is_regular_file(path, problem)) {
    throw Error(path +
                " does not exist: it says what the model does not say of itself (crop, codec, "
                "skeleton). `simplebase export` writes the two side by side; keep them together.");
  }
  if (std::filesystem::file_size(path, problem) > kMostBytes) {
    throw Error(path + " is larger than 16 MiB; no sidecar is. Export the model again.");
  }
  std::ifstream file(path);
  try {
    return metadata_of(Json::parse(file));
  } catch (const Json::exception& error) {
    throw Error(path + " is incomplete or damaged (" + error.what() + "). Export the model again.");
  } catch (const Damage& error) {
    throw Error(path + " is incomplete or damaged (" + error.what() + "). Export the model again.");
  }
}

std::vector<std::string> read_classes(const std::string& path, int count) {
  std::error_code problem;
  if (!std::filesystem::is_regular_file(path, problem)) {
    throw Error(path + " does not exist: a text file with one keypoint name a line is expected.");
  }
  std::ifstream file(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    // Windows' editors put a mark before the first line.
    if (names.empty() && line.rfind(kByteOrderMark, 0) == 0) line.erase(0, 3);
    const size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string::npos) continue;
    names.push_back(line.substr(start, line.find_last_not_of(" \t\r") - start + 1));
  }
  if (file.bad()) throw Error(path + " cannot be read. May you read it?");
  if (names.size() != static_cast<size_t>(count)) {
    throw Error(path + " has " + std::to_string(names.size()) + " names, but the model has " +
                std::to_string(count) + " keypoints. Is it the classes file of another model?");
  }
  return names;
}

}  // namespace simplebase
