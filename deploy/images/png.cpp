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

/// The part that libpng may leap out of.
bool decode(Reader& reader, const std::string& name, Image& image, std::vector<png_bytep>& rows,
            int& orientation) {
  png_structp const png = reader.png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, &reader.stream, read_bytes);
  png_read_info(png, reader.info);
  require_reasonable_size(png_get_image_width(png, reader.info),
                          png_get_image_height(png, reader.info), name);
  const int colours = png_get_color_type(png, reader.info);
  if (png_get_bit_depth(png, reader.info) == 16) png_set_strip_16(png);
  if (colours == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (colours == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  if (!(colours & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  // Transparent pixels keep their colour, as in OpenCV.
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, reader.info);
  image = Image(static_cast<int>(png_get_image_width(png, reader.info)),
                static_cast<int>(png_get_image_height(png, reader.info)));
  if (png_get_rowbytes(png, reader.info) != static_cast<size_t>(image.width) * 3) {
    png_error(png, "its channels are of an unknown kind");
  }
  rows.resize(image.height);
  for (int y = 0; y < image.height; ++y) rows[y] = image.row(y);
  png_read_image(png, rows.data());
  png_read_end(png, reader.info);
  orientation = orientation_of(png, reader.info);
  return true;
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
  Reader reader;
  reader.stream.source = &data;
  if (!reader.info) throw Error(name + " cannot be read: no memory is left.");
  Image image;
  std::vector<png_bytep> rows;
  int orientation = 1;
  if (!decode(reader, name, image, rows, orientation)) {
    throw Error(name + " cannot be read as a PNG image (" + reader.stream.message +
                "). Is it damaged or cut off?");
  }
  return upright(std::move(image), orientation);
}

Bytes encode_png(const Image& image) {
  Writer writer;
  if (!writer.info || !encode(writer, image)) {
    throw Error("no PNG could be made of the image: " + writer.stream.message);
  }
  return std::move(writer.stream.written);
}

}  // namespace simplebase
