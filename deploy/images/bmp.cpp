// Windows bitmaps without compression, of 1, 4, 8, 16, 24 and 32 bits a pixel.
#include <algorithm>

#include "error.h"
#include "images/formats.h"

namespace simplebase {
namespace {

constexpr size_t kFileHeader = 14;
constexpr size_t kInfoHeader = 40;
constexpr uint32_t kPlain = 0;
constexpr uint32_t kBitFields = 3;

uint32_t little(const Bytes& data, size_t place, int bytes) {
  uint32_t value = 0;
  for (int i = bytes - 1; i >= 0; --i) value = value << 8 | data.at(place + i);
  return value;
}

struct Header {
  size_t pixels;  // where they begin
  int64_t width;
  int64_t height;  // negative where the first row is the top one
  int bits;
  uint32_t compression;
  size_t palette;  // where it begins
  uint32_t colours;
};

Header read_header(const Bytes& data, const std::string& name) {
  const uint32_t size = little(data, kFileHeader, 4);
  if (size < kInfoHeader) {
    throw Error(name + " is a bitmap of OS/2's kind, which is not read. Save it anew.");
  }
  Header header{};
  header.pixels = little(data, 10, 4);
  header.width = static_cast<int32_t>(little(data, kFileHeader + 4, 4));
  header.height = static_cast<int32_t>(little(data, kFileHeader + 8, 4));
  header.bits = static_cast<int>(little(data, kFileHeader + 14, 2));
  header.compression = little(data, kFileHeader + 16, 4);
  header.palette = kFileHeader + size;
  header.colours = little(data, kFileHeader + 32, 4);
  if (header.colours == 0 && header.bits <= 8) header.colours = 1u << header.bits;
  return header;
}

/// One channel of a pixel whose bits lie under a mask.
class Channel {
 public:
  explicit Channel(uint32_t mask) : mask_(mask) {
    while (mask != 0 && (mask & 1) == 0) {
      mask >>= 1;
      ++shift_;
    }
    most_ = mask;
  }

  uint8_t of(uint32_t pixel) const {
    if (most_ == 0) return 0;
    const uint64_t value = (pixel & mask_) >> shift_;
    return static_cast<uint8_t>((value * 255 + most_ / 2) / most_);
  }

 private:
  uint32_t mask_;
  int shift_ = 0;
  uint32_t most_ = 0;
};

/// Red, green and blue of 16- and 32-bit pixels.
std::vector<Channel> channels_of(const Bytes& data, const Header& header) {
  std::vector<Channel> channels;
  for (int i = 0; i < 3; ++i) {
    uint32_t mask = header.bits == 16 ? 0x7C00u >> (5 * i) : 0xFF0000u >> (8 * i);
    if (header.compression == kBitFields) mask = little(data, kFileHeader + kInfoHeader + 4 * i, 4);
    channels.emplace_back(mask);
  }
  return channels;
}

void read_palette_row(const Bytes& data, const Header& header, size_t start, Image& image,
                      uint8_t* out) {
  for (int x = 0; x < image.width; ++x) {
    const size_t bit = static_cast<size_t>(x) * header.bits;
    const int shift = 8 - header.bits - static_cast<int>(bit % 8);
    const uint32_t index = (data.at(start + bit / 8) >> shift) & ((1u << header.bits) - 1);
    for (int channel = 0; channel < 3; ++channel) {
      const size_t place = header.palette + 4 * size_t{index} + (2 - channel);
      *out++ = index < header.colours ? data.at(place) : 0;
    }
  }
}

void read_colour_row(const Bytes& data, const Header& header, const std::vector<Channel>& channels,
                     size_t start, Image& image, uint8_t* out) {
  const int bytes = header.bits / 8;
  for (int x = 0; x < image.width; ++x) {
    const uint32_t pixel = little(data, start + static_cast<size_t>(x) * bytes, bytes);
    for (const Channel& channel : channels) *out++ = channel.of(pixel);
  }
}

Image decode(const Bytes& data, const std::string& name) {
  const Header header = read_header(data, name);
  const int64_t height = header.height < 0 ? -header.height : header.height;
  require_reasonable_size(header.width, height, name);
  const bool indexed = header.bits == 1 || header.bits == 4 || header.bits == 8;
  const bool direct = header.bits == 16 || header.bits == 24 || header.bits == 32;
  const bool fields = header.compression == kBitFields && (header.bits == 16 || header.bits == 32);
  if (!(indexed || direct) || !(header.compression == kPlain || fields)) {
    throw Error(name + " is a bitmap of " + std::to_string(header.bits) + " bits, compression " +
                std::to_string(header.compression) + ", which is not read. Save it as PNG.");
  }
  const size_t stride = (static_cast<size_t>(header.width) * header.bits + 31) / 32 * 4;
  // Before memory is taken for what a few bytes claim.
  if (data.size() < header.pixels || (data.size() - header.pixels) / stride < size_t(height)) {
    throw Error(name + " is cut off: its file ends before the image does.");
  }
  Image image(static_cast<int>(header.width), static_cast<int>(height));
  const std::vector<Channel> channels = channels_of(data, header);
  for (int y = 0; y < image.height; ++y) {
    const size_t start = header.pixels + stride * y;
    uint8_t* const out = image.row(header.height < 0 ? y : image.height - 1 - y);
    if (indexed) {
      read_palette_row(data, header, start, image, out);
    } else {
      read_colour_row(data, header, channels, start, image, out);
    }
  }
  return image;
}

void put(Bytes& data, uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) data.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace

bool is_bmp(const Bytes& data) { return data.size() > 1 && data[0] == 'B' && data[1] == 'M'; }

Image decode_bmp(const Bytes& data, const std::string& name) {
  try {
    return decode(data, name);
  } catch (const std::out_of_range&) {
    throw Error(name + " is cut off: its file ends before the image does.");
  }
}

Bytes encode_bmp(const Image& image) {
  const size_t stride = (static_cast<size_t>(image.width) * 3 + 3) / 4 * 4;
  Bytes data = {'B', 'M'};
  put(data, static_cast<uint32_t>(kFileHeader + kInfoHeader + stride * image.height), 4);
  put(data, 0, 4);
  put(data, kFileHeader + kInfoHeader, 4);
  put(data, kInfoHeader, 4);
  put(data, static_cast<uint32_t>(image.width), 4);
  put(data, static_cast<uint32_t>(image.height), 4);
  put(data, 1, 2);
  put(data, 24, 2);
  for (int i = 0; i < 6; ++i) put(data, 0, 4);
  for (int y = image.height - 1; y >= 0; --y) {
    const uint8_t* pixel = image.row(y);
    for (int x = 0; x < image.width; ++x, pixel += 3) {
      data.insert(data.end(), {pixel[2], pixel[1], pixel[0]});
    }
    data.resize(data.size() + stride - static_cast<size_t>(image.width) * 3);
  }
  return data;
}

}  // namespace simplebase
