#include <cmath>
#include <filesystem>
#include <fstream>

#include "error.h"
#include "pose/codec.h"
#include "pose/drawing.h"
#include "pose/metadata.h"
#include "pose/tensors.h"
#include "tests/check.h"

using namespace simplebase;

namespace {

/// Heatmaps (16, 24, 2) of Gaussians at cells `(x, y)` and `(x + 3, y)`.
std::vector<float> gaussians(double x, double y) {
  std::vector<float> maps;
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 24; ++column) {
      for (const double shift : {0.0, 3.0}) {
        const double across = column - x - shift, down = row - y;
        maps.push_back(static_cast<float>(std::exp(-(across * across + down * down) / 8)));
      }
    }
  }
  return maps;
}

std::vector<Keypoint> decoded(const std::vector<float>& maps, DecodeMethod method) {
  return decode({maps.data(), 16, 24, 2}, Codec{}, method);
}

const char* const kSidecar = R"({"input_size": [64, 96], "preset": "p",
  "crop": {"padding": 1.25, "center_shift": 0.0},
  "codec": {"stride": 4, "sigma": 2.0, "alignment": "center"},
  "skeleton": {"name": "s", "keypoints": ["head", "tail"], "links": [["head", "tail", "#0a0B0c"]]}})";

class Folder {
 public:
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / "simplebase_pose_test";
};

std::string with(const std::string& part, const std::string& other) {
  std::string text = kSidecar;
  return text.replace(text.find(part), part.size(), other);
}

bool refused(const std::string& sidecar, const std::string& part) {
  const Folder folder;
  const std::string model = folder.write("m", "");
  folder.write("m.json", sidecar);
  return check::throws<Error>([&] { read_metadata(model); }, part);
}

}  // namespace

TEST(dark_finds_where_a_gaussian_was_put) {
  for (const double x : {0.0, 0.3, 7.4, 11.8, 19.9}) {
    for (const double y : {0.2, 8.6, 14.9}) {
      const auto points = decoded(gaussians(x, y), DecodeMethod::kDark);
      // Cell j lies at input pixel (j + 0.5) * 4 - 0.5.
      CHECK_NEAR(points[0].x, float(x * 4 + 1.5), 5e-3f);
      CHECK_NEAR(points[0].y, float(y * 4 + 1.5), 5e-3f);
      CHECK_NEAR(points[1].x, float((x + 3) * 4 + 1.5), 5e-3f);
    }
  }
}

TEST(argmax_takes_the_cell_and_quarter_leans_to_the_higher_neighbour) {
  const auto maps = gaussians(7.4, 8.6);
  const auto cell = decoded(maps, DecodeMethod::kArgmax)[0];
  CHECK(cell.x == 7 * 4 + 1.5f && cell.y == 9 * 4 + 1.5f);
  const auto quarter = decoded(maps, DecodeMethod::kQuarter)[0];
  CHECK(quarter.x == cell.x + 1 && quarter.y == cell.y - 1);
}

TEST(flat_and_broken_heatmaps_decode_to_something) {
  for (const float value : {0.0f, -1.0f, std::nanf(""), INFINITY}) {
    const std::vector<float> flat(16 * 24 * 2, value);
    CHECK(decoded(flat, DecodeMethod::kDark)[0].x == 1.5f);
  }
}

TEST(a_box_is_shown_whole_in_the_middle_with_padding) {
  const Placement placement = place(Crop{2.0, 0.0}, Box{10, 20, 30, 100}, 64, 64);
  // 100 pixels of the box are half of the 64 pixels of the crop.
  CHECK_NEAR(placement.scale, 0.32, 1e-12);
  CHECK_NEAR(24.5 * placement.scale + placement.x_offset, 31.5, 1e-12);
  CHECK_NEAR(69.5 * placement.scale + placement.y_offset, 31.5, 1e-12);
}

TEST(a_box_outside_of_the_image_is_refused) {
  const Image image(100, 50);
  check_box({-20, -20, 30, 30}, image);
  for (const Box& box : {Box{100, 0, 5, 5}, Box{0, 50, 5, 5}, Box{-5, 0, 5, 5}, Box{0, -9, 5, 5}}) {
    CHECK(check::throws<Error>([&] { check_box(box, image); }, "outside"));
  }
  for (const Box& box :
       {Box{0, 0, 0, 5}, Box{0, 0, 5, -1}, Box{0, 0, INFINITY, 5}, Box{NAN, 0, 5, 5}}) {
    CHECK(check::throws<Error>([&] { check_box(box, image); }, "above 0"));
  }
}

TEST(a_sidecar_says_how_to_use_the_model) {
  const Folder folder;
  const std::string model = folder.write("m.tflite", "");
  folder.write("m.tflite.json", kSidecar);
  const Metadata metadata = read_metadata(model);
  CHECK(metadata.height == 64 && metadata.width == 96 && metadata.count() == 2);
  CHECK(metadata.links[0].colour == (std::array<uint8_t, 3>{10, 11, 12}));
  CHECK(metadata.outputs == std::vector<std::string>{"heatmaps"});
}

TEST(a_damaged_sidecar_is_named_with_what_is_wrong) {
  CHECK(refused("", "incomplete or damaged"));
  CHECK(refused(std::string(kSidecar) + "x", "incomplete or damaged"));
  CHECK(refused("[]", "incomplete or damaged"));
  CHECK(refused(with("\"crop\"", "\"drop\""), "crop"));
  CHECK(refused(with("[64, 96]", "[64, 96.5]"), "whole numbers"));
  CHECK(refused(with("[64, 96]", "[64, 9]"), "multiple"));
  CHECK(refused(with("[64, 96]", "[0, 96]"), "input_size"));
  CHECK(refused(with("[64, 96]", "[64]"), "input_size"));
  CHECK(refused(with("2.0", "0"), "sigma"));
  CHECK(refused(with("2.0", "1e300"), "sigma"));
  CHECK(refused(with("1.25", "-1"), "padding"));
  CHECK(refused(with("1.25", "1e300"), "padding"));
  CHECK(refused(with("\"center\"", "\"left\""), "left"));
  CHECK(refused(with("#0a0B0c", "#0a0B0"), "colour"));
  CHECK(refused(with("[[\"head\"", "[[\"nose\""), "nose"));
  CHECK(refused(with("[\"head\", \"tail\"]", "[]"), "keypoints"));
  CHECK(refused(with("[\"head\", \"tail\"]", "[\"head\", \"head\"]"), "two keypoints"));
  CHECK(refused(with("\"head\"", '"' + std::string(1000, 'x') + '"'), "800 bytes"));
  CHECK(refused(with("[[\"head\"", "[[\"" + std::string(1000, 'x') + '"'), "xxx...\", which is no"));
  CHECK(refused(kSidecar + std::string(17 << 20, ' '), "larger than 16 MiB"));
  CHECK(refused(std::string(100000, '['), "incomplete or damaged"));
}

TEST(a_classes_file_has_a_name_for_each_keypoint) {
  const Folder folder;
  const std::string file = folder.write("c.txt", "nose\r\n\n  left ear \n");
  CHECK((read_classes(file, 2) == std::vector<std::string>{"nose", "left ear"}));
  const std::string marked = folder.write("marked.txt", "\xef\xbb\xbfnose\nleft ear\n");
  CHECK((read_classes(marked, 2) == std::vector<std::string>{"nose", "left ear"}));
  CHECK(check::throws<Error>([&] { read_classes(file, 3); }, "2 names"));
  CHECK(check::throws<Error>([&] { read_classes(folder.path.string(), 3); }, "does not exist"));
}

TEST(pixels_are_stored_as_the_model_wants_them) {
  Image crop(1, 1);
  crop.pixels = {0, 100, 255};
  std::vector<std::byte> stored;
  InputWriter({ElementType::kUInt8, {1, 1, 1, 3}, 2.0f, 10}, false).write(crop, stored);
  CHECK((stored == std::vector<std::byte>{std::byte{10}, std::byte{60}, std::byte{138}}));
  InputWriter({ElementType::kInt8, {1, 1, 1, 3}, 1.0f, -128}, false).write(crop, stored);
  CHECK((stored == std::vector<std::byte>{std::byte{128}, std::byte{228}, std::byte{127}}));
  // Half precision: 100 is 1.5625 * 2^6, its sign and exponent 0x54, its fraction 0x240.
  InputWriter({ElementType::kFloat16, {1, 1, 1, 3}, {}, 0}, false).write(crop, stored);
  CHECK(stored[3] == std::byte{0x56} && stored[2] == std::byte{0x40});
  CHECK(check::throws<Error>([] { InputWriter({ElementType::kInt8, {}, {}, 0}, false); }, "scale"));
}

TEST(what_the_model_stores_becomes_numbers_again) {
  const std::vector<std::byte> bytes = {std::byte{0x00}, std::byte{0x3C}, std::byte{0x00},
                                        std::byte{0xC0}};
  CHECK((restore({ElementType::kFloat16, {2}, {}, 0}, bytes) == std::vector<float>{1.0f, -2.0f}));
  CHECK((restore({ElementType::kInt8, {4}, 0.5f, -4}, bytes) == std::vector<float>{2, 32, 2, -30}));
  CHECK(check::throws<Error>([&] { restore({ElementType::kUInt8, {4}, {}, 0}, bytes); }, "scale"));
}

TEST(a_link_is_drawn_where_both_of_its_ends_score) {
  const std::vector<Link> links = {{0, 1, {255, 0, 0}}};
  Image image(41, 21);
  draw_skeleton(image, {{5, 10, 0.9f}, {35, 10, 0.9f}}, links, {0, 0, 41, 21}, 0.1);
  const auto pixel = [&](int x, int y) { return image.row(y) + 3 * x; };
  CHECK(pixel(20, 10)[0] == 255 && pixel(20, 10)[1] == 0);
  CHECK(pixel(20, 14)[0] == 0);
  CHECK(pixel(5, 10)[0] == 255 && pixel(5, 10)[1] == 0);  // the dot in its link's colour
  CHECK(pixel(5, 8)[1] > 100);                            // within a white rim
  Image hidden(41, 21);
  draw_skeleton(hidden, {{5, 10, 0.9f}, {35, 10, 0.01f}}, links, {0, 0, 41, 21}, 0.1);
  CHECK(hidden.row(10)[3 * 20] == 0);
  CHECK(hidden.row(10)[3 * 5] == 255);
}

TEST(keypoints_far_outside_are_drawn_without_harm) {
  const std::vector<Link> links = {{0, 1, {255, 0, 0}}};
  Image image(20, 20);
  draw_skeleton(image, {{-1e30f, 5, 1}, {1e30f, 1e30f, 1}}, links, {0, 0, 20, 20}, 0.1);
  draw_skeleton(image, {{NAN, 5, 1}, {INFINITY, 5, 1}}, links, {0, 0, 20, 20}, 0.1);
  CHECK(image.pixels.size() == 1200);
}
