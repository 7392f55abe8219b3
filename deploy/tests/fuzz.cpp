// Damaged images, sidecars, classes files and command lines, thousands of them: each ends in an
// Error or in a result, never in a crash. Built with -DSANITIZE=ON it also finds what would only
// sometimes crash.
//
//   fuzz COUNT [IMAGE ...]     so many of each kind; further images to begin with
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>

#include "demo/arguments.h"
#include "error.h"
#include "images/formats.h"
#include "images/warp.h"
#include "pose/drawing.h"

using namespace simplebase;

namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  size_t below(size_t limit) { return limit ? engine_() % limit : 0; }
  template <typename Item>
  const Item& among(const std::vector<Item>& items) {
    return items[below(items.size())];
  }

 private:
  std::mt19937_64 engine_;
};

constexpr uint8_t kExtremes[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};

/// One of the ways in which files break, or are broken.
void mutate_once(Bytes& data, Random& random) {
  const size_t place = random.below(data.size());
  const size_t length = std::min(1 + random.below(16), data.size() - place);
  const auto at = data.begin() + static_cast<long>(place);
  switch (random.below(6)) {
    case 0: data.resize(place); break;
    case 1:
      if (!data.empty()) *at = static_cast<uint8_t>(random.below(256));
      break;
    case 2:
      if (!data.empty()) *at ^= static_cast<uint8_t>(1u << random.below(8));
      break;
    case 3:
      for (size_t i = place; i < std::min(data.size(), place + length); ++i) {
        data[i] = kExtremes[random.below(sizeof kExtremes)];
      }
      break;
    case 4: data.erase(at, at + static_cast<long>(length)); break;
    case 5: {
      const Bytes part(at, at + static_cast<long>(length));
      data.insert(data.begin() + static_cast<long>(random.below(data.size() + 1)), part.begin(),
                  part.end());
      break;
    }
  }
}

/// Checksums of PNG's chunks made right again: else nothing behind them would ever be tried.
void repair_checksums(Bytes& png) {
  for (size_t place = 8; place + 12 <= png.size();) {
    const size_t length =
        size_t{png[place]} << 24 | png[place + 1] << 16 | png[place + 2] << 8 | png[place + 3];
    if (length > png.size() - place - 12) return;
    const auto sum =
        static_cast<uint32_t>(crc32(0, &png[place + 4], static_cast<uInt>(length + 4)));
    for (int i = 0; i < 4; ++i)
      png[place + 8 + length + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
    place += length + 12;
  }
}

Bytes mutated(const Bytes& seed, Random& random) {
  Bytes data = seed;
  for (size_t times = 1 + random.below(4); times > 0; --times) mutate_once(data, random);
  if (is_png(data) && random.below(4)) repair_checksums(data);
  return data;
}

Image decoded(const Bytes& data) {
  if (is_jpeg(data)) return decode_jpeg(data, "image");
  if (is_png(data)) return decode_png(data, "image");
  if (is_bmp(data)) return decode_bmp(data, "image");
  throw Error("neither JPEG, PNG nor BMP");
}

void use(Image image, Random& random) {
  const double side = static_cast<double>(random.below(400)) - 100;
  const Box box{side, -side, 1 + double(random.below(500)), 1 + double(random.below(500))};
  warp(image, place(Crop{}, box, 48, 64), 48, 64);
  draw_skeleton(image, {{float(side), 3, 1}, {20, float(-side), 1}}, {{0, 1, {1, 2, 3}}}, box, 0.5);
}

std::vector<Bytes> image_seeds(const std::vector<std::string>& paths) {
  Image image(40, 24);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<uint8_t>(i * i / 7);
  std::vector<Bytes> seeds = {encode_jpeg(image), encode_png(image), encode_bmp(image)};
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

const char* const kSidecar = R"({"input_size": [64, 96], "preset": "p", "outputs": ["heatmaps"],
  "crop": {"padding": 1.25, "center_shift": 0.0}, "training_data": null, "depth_range": "0,4095",
  "min_score": 0.2,
  "codec": {"stride": 4, "sigma": 2.0, "alignment": "center"},
  "skeleton": {"name": "s", "keypoints": ["head", "tail"], "links": [["head", "tail", "#0a0B0c"]]}})";

const std::vector<std::string> kWords = {"-m",
                                         "model",
                                         "-i",
                                         "image",
                                         "-l",
                                         "classes.txt",
                                         "-t",
                                         "8",
                                         "-c",
                                         "10",
                                         "-w",
                                         "3",
                                         "-v",
                                         "1",
                                         "--boxes",
                                         "1,2,3,4",
                                         "-4,0,50,60",
                                         "--json",
                                         "--output",
                                         "a.jpg",
                                         "--decode",
                                         "dark",
                                         "--min-score",
                                         "0.1",
                                         "--model_file=m",
                                         "--image=i",
                                         "",
                                         "-",
                                         "--",
                                         "-1",
                                         "1e999",
                                         "nan",
                                         "0x10",
                                         "--threads=",
                                         "--count=-5",
                                         "--boxes=,,,",
                                         "1,2,3,4,5",
                                         "--overwrite=1",
                                         "\xff\xfe",
                                         "--help"};

size_t fuzz_images(size_t count, const std::vector<Bytes>& seeds, Random& random) {
  size_t read = 0;
  for (size_t i = 0; i < count; ++i) {
    try {
      use(decoded(mutated(random.among(seeds), random)), random);
      ++read;
    } catch (const Error&) {
    }
  }
  return read;
}

size_t fuzz_sidecars(size_t count, Random& random) {
  const std::string folder = (std::filesystem::temp_directory_path() / "simplebase_fuzz").string();
  std::filesystem::create_directories(folder);
  const std::string model = folder + "/m";
  std::ofstream(model) << "x";
  const Bytes seed(kSidecar, kSidecar + std::strlen(kSidecar));
  size_t read = 0;
  for (size_t i = 0; i < count; ++i) {
    const Bytes data = mutated(seed, random);
    std::ofstream(model + ".json", std::ios::binary)
        .write(reinterpret_cast<const char*>(data.data()), std::streamsize(data.size()));
    try {
      const Metadata metadata = read_metadata(model);
      const std::vector<float> maps(size_t(metadata.heatmap_height()) * metadata.heatmap_width(),
                                    0.5f);
      decode({maps.data(), metadata.heatmap_height(), metadata.heatmap_width(), 1}, metadata.codec,
             DecodeMethod::kDark);
      ++read;
      read_classes(model + ".json", metadata.count());
    } catch (const Error&) {
    }
  }
  std::filesystem::remove_all(folder);
  return read;
}

size_t fuzz_arguments(size_t count, Random& random) {
  size_t read = 0;
  for (size_t i = 0; i < count; ++i) {
    std::vector<std::string> words = {"-m", "model", "-i", "image"};
    for (size_t left = random.below(8); left > 0; --left) {
      std::string word = random.among(kWords);
      Bytes bytes(word.begin(), word.end());
      if (random.below(3) == 0) mutate_once(bytes, random);
      words.emplace(words.begin() + static_cast<long>(random.below(words.size() + 1)),
                    bytes.begin(), bytes.end());
    }
    try {
      parse_arguments(words);
      ++read;
    } catch (const UsageError&) {
    }
  }
  return read;
}

}  // namespace

int main(int count, char** words) {
  const size_t runs = count > 1 ? std::strtoul(words[1], nullptr, 10) : 1000;
  Random random(0);
  const std::vector<Bytes> seeds = image_seeds({words + std::min(count, 2), words + count});
  std::cout << "images that were still read: " << fuzz_images(runs, seeds, random) << " of " << runs
            << "\n";
  std::cout << "sidecars that were still read: " << fuzz_sidecars(runs, random) << " of " << runs
            << "\n";
  std::cout << "command lines that were still read: " << fuzz_arguments(runs, random) << " of "
            << runs << "\n";
}
