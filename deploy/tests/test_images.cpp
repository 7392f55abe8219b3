#include <cstdlib>
#include <filesystem>

#include "error.h"
#include "images/files.h"
#include "images/formats.h"
#include "images/warp.h"
#include "tests/check.h"

using namespace simplebase;

namespace {

/// 3x2 pixels, each another colour.
Image small() {
  Image image(3, 2);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(13 * i);
  return image;
}

uint8_t red(const Image& image, int x, int y) { return image.row(y)[3 * x]; }

/// A TIFF header in `order` with one entry: an orientation.
Bytes tiff(char order, int orientation) {
  Bytes big = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0};
  Bytes little = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  big[19] = static_cast<uint8_t>(orientation);
  little[18] = static_cast<uint8_t>(orientation);
  return order == 'M' ? big : little;
}

}  // namespace

TEST(lossless_formats_give_back_what_was_written) {
  const Image image = small();
  CHECK(decode_png(encode_png(image), "a.png").pixels == image.pixels);
  CHECK(decode_bmp(encode_bmp(image), "a.bmp").pixels == image.pixels);
}

TEST(a_jpeg_is_nearly_what_was_written) {
  Image image(32, 16);
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 32; ++x) image.row(y)[3 * x] = static_cast<uint8_t>(8 * x);
  }
  const Image read = decode_jpeg(encode_jpeg(image), "a.jpg");
  CHECK(read.width == 32 && read.height == 16);
  CHECK_NEAR(int(red(read, 20, 8)), 160, 4);
}

TEST(a_cut_file_is_an_error_wherever_it_ends) {
  const Image image = small();
  const std::vector<std::pair<Bytes, Image (*)(const Bytes&, const std::string&)>> kinds = {
      {encode_jpeg(image), decode_jpeg},
      {encode_png(image), decode_png},
      {encode_bmp(image), decode_bmp}};
  for (const auto& [whole, decode] : kinds) {
    for (size_t length = 16; length < whole.size(); ++length) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<long>(length));
      CHECK(check::throws<Error>([&, read = decode] { read(part, "cut"); }, "cut"));
    }
  }
}

TEST(a_size_beyond_all_measure_is_refused_before_memory_is_taken) {
  Bytes bitmap = encode_bmp(small());
  for (int i = 18; i < 26; ++i) bitmap[i] = i % 4 == 1 ? 0x7F : 0xFF;
  CHECK(check::throws<Error>([&] { decode_bmp(bitmap, "large"); }, "large has"));
}

TEST(exif_orientation_is_read_in_both_byte_orders) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const char order : {'M', 'I'}) {
      const Bytes data = tiff(order, orientation);
      CHECK(exif_orientation(data.data(), data.size()) == orientation);
    }
  }
  const Bytes wrong = tiff('I', 9);
  CHECK(exif_orientation(wrong.data(), wrong.size()) == 1);
  CHECK(exif_orientation(wrong.data(), 12) == 1);
  CHECK(exif_orientation(wrong.data(), 0) == 1);
}

TEST(an_image_is_turned_by_its_orientation) {
  // Of the Exif standard: where the first stored pixel is seen, and the size.
  const struct {
    int orientation, x, y;
  } kFirst[] = {{1, 0, 0}, {2, 2, 0}, {3, 2, 1}, {4, 0, 1},
                {5, 0, 0}, {6, 1, 0}, {7, 1, 2}, {8, 0, 2}};
  const Image image = small();
  for (const auto& [orientation, x, y] : kFirst) {
    const Image turned = upright(image, orientation);
    CHECK(turned.width == (orientation < 5 ? 3 : 2));
    CHECK(red(turned, x, y) == red(image, 0, 0));
    // The second pixel of the first row is its neighbour, across or down.
    const int right = x + (turned.width > x + 1 ? 1 : -1),
              below = y + (turned.height > y + 1 ? 1 : -1);
    CHECK((orientation < 5 ? red(turned, right, y) : red(turned, x, below)) == red(image, 1, 0));
  }
}

TEST(a_crop_of_the_image_itself_is_the_image) {
  const Image image = small();
  CHECK(warp(image, {1.0, 0.0, 0.0}, 3, 2).pixels == image.pixels);
}

TEST(what_lies_outside_is_black_and_half_a_pixel_is_the_mean) {
  const Image image = small();
  const Image moved = warp(image, {1.0, 1.5, 0.0}, 6, 2);
  CHECK(red(moved, 0, 0) == 0);
  // Halfway between black and the first pixel, then between the first and the second.
  CHECK(red(moved, 1, 1) == std::nearbyintf((0 + red(image, 0, 1)) / 2.0f));
  CHECK(red(moved, 2, 1) == std::nearbyintf((red(image, 0, 1) + red(image, 1, 1)) / 2.0f));
  CHECK(red(moved, 5, 1) == 0);
}

TEST(shrinking_to_a_quarter_averages_sixteen_pixels) {
  Image image(8, 8);
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) image.row(y)[3 * x] = (x + y) % 2 ? 200 : 0;
  }
  // Pixel i of the crop is at 4 * i + 1.5 of the image.
  const Image quarter = warp(image, {0.25, -0.375, -0.375}, 2, 2);
  for (const int place : {0, 3, 6, 9}) CHECK(quarter.pixels[static_cast<size_t>(place)] == 100);
}

TEST(absurd_placements_give_black_and_no_crash) {
  const Image image = small();
  for (const double scale : {1e-300, 1e-9, 1e9, 1e300}) {
    for (const double offset : {-1e300, 0.0, 1e300}) {
      CHECK(warp(image, {scale, offset, offset}, 4, 4).pixels.size() == 48);
    }
  }
}

TEST(nothing_is_written_half) {
  const auto folder = std::filesystem::temp_directory_path() / "simplebase_images_test";
  std::filesystem::create_directory(folder);
  write_image((folder / "a.png").string(), small());
  CHECK(read_image((folder / "a.png").string()).pixels == small().pixels);
  CHECK(check::throws<Error>([&] { write_image((folder / "no" / "a.png").string(), small()); },
                             "could not be written"));
  CHECK(check::throws<UsageError>([&] { write_image((folder / "a.gif").string(), small()); },
                                  ".jpg"));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files += entry.exists();
  CHECK(files == 1);
  std::filesystem::remove_all(folder);
}
