// Image files: JPEG, PNG and BMP.
#pragma once

#include <optional>
#include <string>

#include "images/depth.h"
#include "images/image.h"

namespace simplebase {

/// Reads an image file upright, with the same pixels as simplebase.read_image.
///
/// Greyscale, CMYK, alpha and 16-bit images become three channels of 8 bits. The content tells the
/// format, not the name. `range` says which of 16 bits' values become black and white, by default 0
/// and 65535; what that loses is told in `note`, if it is given.
///
/// Throws Error: there is no such file, or it does not hold a whole image without damage, or one of
/// more than kMostPixels.
Image read_image(const std::string& path, const std::optional<DepthRange>& range = std::nullopt,
                 std::string* note = nullptr);

/// Throws UsageError if no image is written to a file of this name; see write_image.
void require_image_suffix(const std::string& path);

/// Writes .jpg, .jpeg, .png or .bmp, by way of a temporary file beside it.
///
/// Throws Error: it cannot be written.
void write_image(const std::string& path, const Image& image);

}  // namespace simplebase
