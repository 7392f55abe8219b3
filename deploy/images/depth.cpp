#include "images/depth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace simplebase {
namespace {

constexpr int kValues = 1 << 16;
constexpr int kNarrow = 1 << 14;
constexpr double kShare = 0.001;  // of the samples, that may be broken at either end

using Table = std::array<uint8_t, kValues>;

Table table_of(double low, double high) {
  Table table{};
  if (low == high) return table;
  for (int value = 0; value < kValues; ++value) {
    const double scaled = std::clamp((value - low) * 255.0 / (high - low), 0.0, 255.0);
    table[value] = static_cast<uint8_t>(std::floor(scaled + 0.5));
  }
  return table;
}

Table upper_bits() {
  Table table{};
  for (int value = 0; value < kValues; ++value) table[value] = static_cast<uint8_t>(value >> 8);
  return table;
}

Table table_for(const std::vector<uint16_t>& samples, const std::optional<DepthRange>& range) {
  if (!range) return upper_bits();
  if (!range->own) return table_of(range->low, range->high);
  const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
  return table_of(*low, *high);
}

/// The values between which all but a few samples lie.
std::pair<int, int> extent_of(const std::vector<uint16_t>& samples) {
  std::vector<size_t> counts(kValues);
  for (const uint16_t sample : samples) ++counts[sample];
  const auto most = static_cast<size_t>(kShare * static_cast<double>(samples.size()));
  int low = 0, high = kValues - 1;
  for (size_t below = counts[low]; below <= most && low < high; below += counts[low]) ++low;
  for (size_t above = counts[high]; above <= most && low < high; above += counts[high]) --high;
  return {low, high};
}

}  // namespace

std::optional<DepthRange> depth_range(const std::string& text) {
  if (text == "file") return DepthRange{true, 0, 0};
  const size_t comma = text.find(',');
  if (comma == std::string::npos) return std::nullopt;
  try {
    size_t first = 0, second = 0;
    const std::string rest = text.substr(comma + 1);
    const DepthRange range{false, std::stod(text.substr(0, comma), &first),
                           std::stod(rest, &second)};
    const bool whole = first == comma && second == rest.size();
    const bool finite = std::isfinite(range.low) && std::isfinite(range.high);
    if (whole && finite && range.low < range.high) return range;
  } catch (const std::logic_error&) {
  }
  return std::nullopt;
}

std::vector<uint8_t> levels(const std::vector<uint16_t>& samples,
                            const std::optional<DepthRange>& range) {
  const Table table = table_for(samples, range);
  std::vector<uint8_t> result(samples.size());
  std::transform(samples.begin(), samples.end(), result.begin(),
                 [&](uint16_t sample) { return table[sample]; });
  return result;
}

std::string depth_note(const std::vector<uint16_t>& samples,
                       const std::optional<DepthRange>& range) {
  if (samples.empty() || (range && range->own)) return "";
  const auto [low, high] = extent_of(samples);
  const Table table = table_for(samples, range);
  const int first = table[low], last = table[high];
  const bool clipped = first == last && (first == 0 || first == 255);
  if (range ? !clipped : low == high || high - low >= kNarrow) return "";
  return "its values of more than 8 bits lie between " + std::to_string(low) + " and " +
         std::to_string(high) + ", which become " + std::to_string(first) + " to " +
         std::to_string(last) +
         " of 0 to 255, nearly one grey. Choose what becomes black and white with --depth-range "
         "LOW,HIGH, or the image's own range with --depth-range file.";
}

}  // namespace simplebase
