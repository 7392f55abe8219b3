#include "images/files.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "error.h"
#include "images/formats.h"

namespace simplebase {
namespace {

std::string suffix_of(const std::string& path) {
  std::string suffix = std::filesystem::path(path).extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  return suffix;
}

Bytes read_bytes(const std::string& path) {
  std::error_code problem;
  if (!std::filesystem::exists(path, problem)) {
    throw Error(path + " does not exist: an image is expected there.");
  }
  if (!std::filesystem::is_regular_file(path, problem)) {
    throw Error(path + " is no file, but an image file is expected.");
  }
  std::ifstream file(path, std::ios::binary);
  Bytes data(std::filesystem::file_size(path, problem));
  file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size()));
  if (!file) throw Error(path + " cannot be read. May you read it?");
  return data;
}

/// The kind of an image that is not read, by its first bytes; empty if it is none that is known.
std::string other_kind(const Bytes& data) {
  const std::string start(data.begin(), data.begin() + std::min<size_t>(data.size(), 12));
  const auto begins = [&](const char* text, size_t length) {
    return start.compare(0, length, text, length) == 0;
  };
  if (begins("RIFF", 4) && start.substr(8) == "WEBP") return "WebP";
  if (begins("II*\0", 4) || begins("MM\0*", 4)) return "TIFF";
  if (begins("II+\0", 4) || begins("MM\0+", 4)) return "TIFF";
  if (begins("GIF8", 4)) return "GIF";
  if (begins("\0\0\0\x0CjP", 6)) return "JPEG 2000";
  if (start.size() < 12 || start.substr(4, 4) != "ftyp") return "";
  const std::string brand = start.substr(8);
  if (brand == "avif" || brand == "avis") return "AVIF";
  return brand.substr(0, 2) == "he" || brand == "mif1" || brand == "msf1" ? "HEIC" : "";
}

}  // namespace

void require_reasonable_size(int64_t width, int64_t height, const std::string& name) {
  const std::string pixels = std::to_string(width) + "x" + std::to_string(height) + " pixels";
  if (width < 1 || height < 1) {
    throw Error(name + " has " + pixels + " by its header. Is it damaged?");
  }
  if (width > kLongestSide || height > kLongestSide) {
    throw Error(name + " has " + pixels + ", but at most " + std::to_string(kLongestSide) +
                " in a row or column are read. Cut it into parts.");
  }
  if (width * height > kMostPixels) {
    throw Error(name + " has " + pixels + ", which is more than the " +
                std::to_string(kMostPixels / 1000000) +
                " million that are read. Shrink it or cut it into parts.");
  }
}

Image read_image(const std::string& path, const std::optional<DepthRange>& range,
                 std::string* note) {
  const Bytes data = read_bytes(path);
  if (is_jpeg(data)) return decode_jpeg(data, path);
  if (is_png(data)) return decode_png(data, path, range, note);
  if (is_bmp(data)) return decode_bmp(data, path);
  const std::string other = other_kind(data);
  if (!other.empty()) {
    throw Error(path + " is a " + other +
                " image, but only JPEG, PNG and BMP are read. Convert it first.");
  }
  throw Error(path + " cannot be read as an image: neither JPEG, PNG nor BMP. Is it damaged?");
}

void require_image_suffix(const std::string& path) {
  const std::string suffix = suffix_of(path);
  if (suffix != ".jpg" && suffix != ".jpeg" && suffix != ".png" && suffix != ".bmp") {
    throw UsageError("--output " + path + ": an image ends in .jpg, .jpeg, .png or .bmp.");
  }
}

void write_image(const std::string& path, const Image& image) {
  require_image_suffix(path);
  const std::string suffix = suffix_of(path);
  const Bytes data = suffix == ".png"   ? encode_png(image)
                     : suffix == ".bmp" ? encode_bmp(image)
                                        : encode_jpeg(image);
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary);
  file.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  file.close();
  if (!file || std::rename(partial.c_str(), path.c_str()) != 0) {
    std::remove(partial.c_str());
    throw Error(path + " could not be written. Does its folder exist, and has the disk room?");
  }
}

}  // namespace simplebase
