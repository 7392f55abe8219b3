#include "error.h"
#include "images/formats.h"

namespace simplebase {
namespace {

constexpr int kOrientationTag = 0x0112;

/// Numbers of a TIFF header in its own byte order; 0 beyond its end.
class TiffReader {
 public:
  TiffReader(const uint8_t* data, size_t size)
      : data_(data), size_(size), little_(size > 1 && data[0] == 'I' && data[1] == 'I') {}

  uint32_t number(size_t place, int bytes) const {
    if (place > size_ || size_ - place < static_cast<size_t>(bytes)) return 0;
    uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value = value << 8 | data_[place + (little_ ? bytes - 1 - i : i)];
    }
    return value;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  bool little_;
};

}  // namespace

int exif_orientation(const uint8_t* tiff, size_t size) {
  const TiffReader reader(tiff, size);
  const size_t directory = reader.number(4, 4);
  const size_t entries = reader.number(directory, 2);
  for (size_t entry = 0; entry < entries; ++entry) {
    const size_t place = directory + 2 + 12 * entry;
    if (reader.number(place, 2) == kOrientationTag) {
      const uint32_t orientation = reader.number(place + 8, 2);
      return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
    }
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  // Of the Exif standard: 5 to 8 lie on their side, and the others follow from where the first
  // stored row and column belong.
  const bool sideways = orientation >= 5;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Image turned(sideways ? image.height : image.width, sideways ? image.width : image.height);
  for (int y = 0; y < turned.height; ++y) {
    uint8_t* out = turned.row(y);
    const int seen_y = from_bottom ? turned.height - 1 - y : y;
    for (int x = 0; x < turned.width; ++x) {
      const int seen_x = from_right ? turned.width - 1 - x : x;
      const uint8_t* in = sideways ? image.row(seen_x) + 3 * static_cast<size_t>(seen_y)
                                   : image.row(seen_y) + 3 * static_cast<size_t>(seen_x);
      for (int channel = 0; channel < 3; ++channel) *out++ = in[channel];
    }
  }
  return turned;
}

}  // namespace simplebase
