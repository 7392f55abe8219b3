// One file format each, from bytes and to bytes; files.cpp chooses among them.
#pragma once

#include <optional>
#include <string>

#include "images/depth.h"
#include "images/image.h"

namespace simplebase {

using Bytes = std::vector<uint8_t>;

/// Width times height that is still read, as in Python (MOST_PIXELS): 768 MiB of pixels.
constexpr int64_t kMostPixels = int64_t{1} << 28;
/// Pixels in a row or column that are still read, as in Python; of libpng.
constexpr int64_t kLongestSide = 1000000;

/// Throws Error if an image of this size is empty or too large; `name` is its path.
void require_reasonable_size(int64_t width, int64_t height, const std::string& name);

/// Orientation 1 to 8 of Exif data that begins with its TIFF header; 1 if it does not say.
int exif_orientation(const uint8_t* tiff, size_t size);

/// The image as it is looked at, by its Exif orientation.
Image upright(Image image, int orientation);

bool is_jpeg(const Bytes& data);
Image decode_jpeg(const Bytes& data, const std::string& name);
Bytes encode_jpeg(const Image& image);

bool is_png(const Bytes& data);
Image decode_png(const Bytes& data, const std::string& name);
/// With a range for 16 bits; what that loses is told in `note`, if it is given.
Image decode_png(const Bytes& data, const std::string& name, const std::optional<DepthRange>& range,
                 std::string* note);
Bytes encode_png(const Image& image);

bool is_bmp(const Bytes& data);
Image decode_bmp(const Bytes& data, const std::string& name);
Bytes encode_bmp(const Image& image);

}  // namespace simplebase
