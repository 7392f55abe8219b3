// Images of more than 8 bits: which of their values become black and white.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "images/image.h"

namespace simplebase {

/// Values from `low` to `high` become 0 to 255, linearly; others are clipped. As DepthRange in
/// Python.
struct DepthRange {
  bool own = false;  ///< each image's own smallest and largest value, in place of low and high
  double low = 0;
  double high = 0;
};

/// Reads "LOW,HIGH" or "file"; nothing if it is neither, or LOW is not below HIGH.
std::optional<DepthRange> depth_range(const std::string& text);

/// 16-bit samples as 8 bits; without a range their upper 8.
std::vector<uint8_t> levels(const std::vector<uint16_t>& samples,
                            const std::optional<DepthRange>& range);

/// What is lost of an image with these samples; empty if that is little.
std::string depth_note(const std::vector<uint16_t>& samples,
                       const std::optional<DepthRange>& range);

}  // namespace simplebase
