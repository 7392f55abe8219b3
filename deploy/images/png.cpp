#include <png.h>

#include <csetjmp>
#include <cstring>

#include "error.h"
#include "images/formats.h"

namespace simplebase {
namespace {

constexpr size_t kSignature = 8;

/// Where reading is, or what was written. libpng leaps back over C++, as libjpeg does.
struct Stream {
  const Bytes* source = nullptr;
  size_t place = 0;
  Bytes written;
  std::string message;
};

void read_bytes(png_structp png, png_bytep target, png_size_t count) {
  auto& stream = *static_cast<Stream*>(png_get_io_ptr(png));
  if (stream.source->size() - stream.place < count) png_error(png, "the file ends too early");
  std::memcpy(target, stream.source->data() + stream.place, count);
  stream.place += count;
}

void write_bytes(png_structp png, png_bytep data, png_size_t count) {
  auto& stream = *static_cast<Stream*>(png_get_io_ptr(png));
  stream.written.insert(stream.written.end(), data, data + count);
}

void flush(png_structp) {}

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  static_cast<Stream*>(png_get_error_ptr(png))->message = message;
  png_longjmp(png, 1);
}

void ignore(png_structp, png_const_charp) {}

struct Reader {
  Stream stream;
  png_structp png;
  png_infop info;

  Reader() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &stream, leave, ignore);
    info = png ? png_create_info_struct(png) : nullptr;
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Writer {
  Stream stream;
  png_structp png;
  png_infop info;

  Writer() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &stream, leave, ignore);
    info = png ? png_create_info_struct(png) : nullptr;
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

int orientation_of(png_structp png, png_infop info) {
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(png, info, &size, &exif) == 0 || exif == nullptr) return 1;
  return exif_orientation(exif, size);
}

/// What is read of an image before it is put together.
struct Pixels {
  int width = 0;
  int height = 0;
  bool deep = false;  // 16 bits a sample, the upper 8 first
  Bytes bytes;
  std::vector<png_bytep> rows;
  int orientation = 1;
};

/// The part that libpng may leap out of.
bool decode(Reader& reader, const std::string& name, Pixels& pixels) {
  png_structp const png = reader.png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, &reader.stream, read_bytes);
  png_read_info(png, reader.info);
  require_reasonable_size(png_get_image_width(png, reader.info),
                          png_get_image_height(png, reader.info), name);
  const int colours = png_get_color_type(png, reader.info);
  pixels.deep = png_get_bit_depth(png, reader.info) == 16;
  if (colours == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (colours == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  if (!(colours & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  // Transparent pixels keep their colour, as in OpenCV.
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, reader.info);
  pixels.width = static_cast<int>(png_get_image_width(png, reader.info));
  pixels.height = static_cast<int>(png_get_image_height(png, reader.info));
  const size_t row = static_cast<size_t>(pixels.width) * (pixels.deep ? 6 : 3);
  if (png_get_rowbytes(png, reader.info) != row) {
    png_error(png, "its channels are of an unknown kind");
  }
  pixels.bytes.resize(row * pixels.height);
  pixels.rows.resize(pixels.height);
  for (int y = 0; y < pixels.height; ++y) pixels.rows[y] = pixels.bytes.data() + row * y;
  png_read_image(png, pixels.rows.data());
  png_read_end(png, reader.info);
  pixels.orientation = orientation_of(png, reader.info);
  return true;
}

/// `bytes` of 16-bit samples as 8-bit ones.
Bytes reduced(const Bytes& bytes, const std::string& name, const std::optional<DepthRange>& range,
              std::string* note) {
  std::vector<uint16_t> samples(bytes.size() / 2);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  if (note) *note = depth_note(samples, range);
  if (note && !note->empty()) *note = name + ": " + *note;
  return levels(samples, range);
}

bool encode(Writer& writer, const Image& image) {
  png_structp const png = writer.png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_write_fn(png, &writer.stream, write_bytes, flush);
  png_set_IHDR(png, writer.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, writer.info);
  for (int y = 0; y < image.height; ++y) png_write_row(png, image.row(y));
  png_write_end(png, writer.info);
  return true;
}

}  // namespace

bool is_png(const Bytes& data) {
  return data.size() > kSignature && png_sig_cmp(data.data(), 0, kSignature) == 0;
}

Image decode_png(const Bytes& data, const std::string& name) {
  return decode_png(data, name, std::nullopt, nullptr);
}

Image decode_png(const Bytes& data, const std::string& name, const std::optional<DepthRange>& range,
                 std::string* note) {
  Reader reader;
  reader.stream.source = &data;
  if (!reader.info) throw Error(name + " cannot be read: no memory is left.");
  Pixels pixels;
  if (!decode(reader, name, pixels)) {
    throw Error(name + " cannot be read as a PNG image (" + reader.stream.message +
                "). Is it damaged or cut off?");
  }
  Image image;
  image.width = pixels.width;
  image.height = pixels.height;
  image.pixels = pixels.deep ? reduced(pixels.bytes, name, range, note) : std::move(pixels.bytes);
  return upright(std::move(image), pixels.orientation);
}

Bytes encode_png(const Image& image) {
  Writer writer;
  if (!writer.info || !encode(writer, image)) {
    throw Error("no PNG could be made of the image: " + writer.stream.message);
  }
  return std::move(writer.stream.written);
}

}  // namespace simplebase
