// Parts of the demos by themselves, for the Python tests to compare with Python's.
//
//   probe read IMAGE OUT [LOW,HIGH]                          int32 width, height, then the pixels
//   probe crop IMAGE X,Y,W,H PADDING SHIFT HEIGHT WIDTH OUT  the pixels of the crop
//   probe decode MAPS h w K STRIDE SIGMA ALIGNMENT METHOD    float32 maps in; lines of x y score
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "error.h"
#include "images/files.h"
#include "pose/codec.h"
#include "pose/crop.h"

using namespace simplebase;

namespace {

void write(const char* path, const std::vector<int32_t>& header, const Image& image) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(header.data()), std::streamsize(4 * header.size()));
  file.write(reinterpret_cast<const char*>(image.pixels.data()),
             std::streamsize(image.pixels.size()));
}

void crop(char** words) {
  const Image image = read_image(words[2]);
  Box box{};
  if (std::sscanf(words[3], "%lf,%lf,%lf,%lf", &box.x, &box.y, &box.width, &box.height) != 4) {
    throw Error("a box is X,Y,W,H");
  }
  const Crop settings{std::atof(words[4]), std::atof(words[5])};
  const int height = std::atoi(words[6]), width = std::atoi(words[7]);
  write(words[8], {}, warp(image, place(settings, box, width, height), width, height));
}

void decode_maps(char** words) {
  std::ifstream file(words[2], std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Heatmaps maps{reinterpret_cast<const float*>(bytes.data()), std::atoi(words[3]),
                      std::atoi(words[4]), std::atoi(words[5])};
  const int stride = std::atoi(words[6]);
  const Codec codec{stride, std::atof(words[7]), cell_offset(words[8], stride).value()};
  for (const Keypoint& point : decode(maps, codec, decode_method(words[9]))) {
    std::printf("%.9g %.9g %.9g\n", double(point.x), double(point.y), double(point.score));
  }
}

}  // namespace

int main(int count, char** words) {
  const std::string command = count > 1 ? words[1] : "";
  try {
    if (command == "read" && (count == 4 || count == 5)) {
      const Image image = read_image(words[2], count == 5 ? depth_range(words[4]) : std::nullopt);
      write(words[3], {image.width, image.height}, image);
    } else if (command == "crop" && count == 9) {
      crop(words);
    } else if (command == "decode" && count == 10) {
      decode_maps(words);
    } else {
      return 2;
    }
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
