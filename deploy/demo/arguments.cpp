#include "demo/arguments.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <thread>

#include "error.h"

namespace simplebase {
namespace {

constexpr int kMostThreads = 256;
constexpr int kMostRuns = 1000000;

/// The words of a command line, from left to right.
class Words {
 public:
  explicit Words(const std::vector<std::string>& words) : words_(words) {}

  bool left() const { return next_ < words_.size(); }
  const std::string& peek() const { return words_[next_]; }
  std::string take() { return words_[next_++]; }

 private:
  const std::vector<std::string>& words_;
  size_t next_ = 0;
};

/// `--boxes -4,0,50,60` begins with a dash and is no option.
bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' &&
         std::string("0123456789.").find(word[1]) == std::string::npos;
}

double number(const std::string& text, const std::string& option) {
  size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::logic_error&) {
    end = 0;
  }
  if (end == 0 || end != text.size()) {
    throw UsageError(option + " must be a number. Received: \"" + text + "\".");
  }
  return value;
}

int whole_number(const std::string& text, const std::string& option, int least, int most) {
  const double value = number(text, option);
  if (!(value >= least && value <= most) || value != static_cast<int>(value)) {
    throw UsageError(option + " must be a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most) + ". Received: \"" + text + "\".");
  }
  return static_cast<int>(value);
}

Box box_of(const std::string& text) {
  std::vector<double> numbers;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    numbers.push_back(number(part, "each of --boxes' x,y,width,height"));
  }
  if (numbers.size() != 4 || text.back() == ',') {
    throw UsageError("--boxes are x,y,width,height in pixels each. Received: \"" + text + "\".");
  }
  return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

/// The long name of an option, `-` for `_`.
std::string full_name(std::string word) {
  static const std::pair<const char*, const char*> kShort[] = {
      {"-m", "--model"},      {"-i", "--image"},       {"-l", "--classes"},   {"-t", "--threads"},
      {"-c", "--count"},      {"-w", "--warmup-runs"}, {"-v", "--verbose"},   {"-h", "--help"},
      {"-b", "--input-mean"}, {"-s", "--input-std"},   {"-f", "--allow-fp16"}};
  for (const auto& [letter, name] : kShort) {
    if (word == letter) return name;
  }
  std::replace(word.begin(), word.end(), '_', '-');
  if (word == "--model-file" || word == "--tflite-model" || word == "--mnn-model") return "--model";
  return word == "--box" ? "--boxes" : word;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {
    arguments_.threads =
        std::clamp<int>(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
  }

  Arguments parse() {
    while (words_.left()) {
      given_ = words_.take();
      inline_value_.reset();
      const size_t equals = given_.find('=');
      if (given_.rfind("--", 0) == 0 && equals != std::string::npos) {
        inline_value_ = given_.substr(equals + 1);
        given_ = given_.substr(0, equals);
      }
      take_option(full_name(given_));
    }
    return arguments_;
  }

 private:
  void take_option(const std::string& name) {
    if (take_text(name) || take_number(name) || take_switch(name)) return;
    if (name == "--boxes") return take_boxes();
    if (name == "--depth-range") return take_depth_range();
    if (name == "--decode") {
      arguments_.decode = decode_method(value());
    } else if (name == "--input-mean" || name == "--input-std") {
      throw UsageError(given_ + " is not needed: the model normalises its input. Leave it out.");
    } else if (name == "--allow-fp16") {
      throw UsageError(given_ + " is not known; export the model with --quantize float16 instead.");
    } else {
      throw UsageError(given_ + " is not known. --help lists the options.");
    }
  }

  bool take_text(const std::string& name) {
    std::string* const target = name == "--model"     ? &arguments_.model
                                : name == "--image"   ? &arguments_.image
                                : name == "--classes" ? &arguments_.classes
                                : name == "--output"  ? &arguments_.output
                                                      : nullptr;
    if (target) *target = value();
    return target;
  }

  bool take_number(const std::string& name) {
    if (name == "--threads") {
      arguments_.threads = whole_number(value(), given_, 1, kMostThreads);
    } else if (name == "--count") {
      arguments_.count = whole_number(value(), given_, 1, kMostRuns);
    } else if (name == "--warmup-runs") {
      arguments_.warmup_runs = whole_number(value(), given_, 0, kMostRuns);
    } else if (name == "--min-score") {
      arguments_.min_score = number(value(), given_);
    } else {
      return false;
    }
    return true;
  }

  /// A switch is on by itself; upstream's `--verbose 1` is understood too.
  bool take_switch(const std::string& name) {
    bool* const target = name == "--json"        ? &arguments_.json
                         : name == "--overwrite" ? &arguments_.overwrite
                         : name == "--verbose"   ? &arguments_.verbose
                         : name == "--help"      ? &arguments_.help
                                                 : nullptr;
    if (!target) return false;
    *target = true;
    const bool follows = words_.left() && (words_.peek() == "0" || words_.peek() == "1");
    if (inline_value_ || (name == "--verbose" && follows)) {
      *target = whole_number(value(), given_, 0, 1) == 1;
    }
    return true;
  }

  void take_boxes() {
    arguments_.boxes.push_back(box_of(value()));
    while (words_.left() && !is_option(words_.peek())) {
      arguments_.boxes.push_back(box_of(words_.take()));
    }
  }

  void take_depth_range() {
    const std::string text = value();
    arguments_.depth_range = depth_range(text);
    if (!arguments_.depth_range) {
      throw UsageError(given_ +
                       " must be LOW,HIGH with LOW below HIGH, such as 0,4095, or file. "
                       "Received: \"" +
                       text + "\".");
    }
  }

  std::string value() {
    if (inline_value_) return *inline_value_;
    if (!words_.left() || is_option(words_.peek())) throw UsageError(given_ + " needs a value.");
    return words_.take();
  }

  Words words_;
  Arguments arguments_;
  std::string given_;  // the option as it was typed
  std::optional<std::string> inline_value_;
};

}  // namespace

Arguments parse_arguments(const std::vector<std::string>& words) {
  const Arguments arguments = Parser(words).parse();
  if (!arguments.help && (arguments.model.empty() || arguments.image.empty())) {
    throw UsageError("--model and --image are needed. --help lists the options.");
  }
  return arguments;
}

std::string help_text(const std::string& program, const std::string& suffix) {
  return "Finds the keypoints of the object in an image, or in each box of it.\n\n"
         "  " +
         program + " -m model" + suffix +
         " -i photo.jpg\n"
         "  " +
         program + " -m model" + suffix +
         " -i photo.jpg -l classes.txt -t 8 -c 10 -w 3\n"
         "  " +
         program + " -m model" + suffix +
         " -i photo.jpg --boxes 40,30,200,380 --output pose.jpg\n\n"
         "  -m, --model FILE        model; FILE.json, which says how to use it, lies beside it\n"
         "  -i, --image FILE        JPEG, PNG or BMP\n"
         "  -l, --classes FILE      names of the keypoints, one a line, in place of the model's own\n"
         "  -t, --threads N         of the model (default: one a core)\n"
         "  -c, --count N           runs over which times are averaged (default: 1)\n"
         "  -w, --warmup-runs N     runs before them (default: 2)\n"
         "  -v, --verbose [0|1]     tell more, and let the library do so\n"
         "      --boxes X,Y,W,H ... objects in pixels of the image (default: the whole image)\n"
         "      --depth-range RANGE LOW,HIGH: the values of a 16-bit image that become black and\n"
         "                          white; file: its own (default: the model's, else 0,65535)\n"
         "      --decode METHOD     argmax, quarter or dark (default: dark)\n"
         "      --output FILE       write the image with the skeleton drawn: .jpg, .png or .bmp\n"
         "      --overwrite         replace that file if it exists\n"
         "      --min-score S       leave out keypoints below it from the drawing\n"
         "                          (default: what the model recommends, else 0.1)\n"
         "      --json              print JSON\n"
         "  -h, --help\n\n"
         "Names may be written with _ for -, and --model as --model_file. Exit code: 0, 1 where the\n"
         "job failed, 2 where the command line is wrong.\n";
}

}  // namespace simplebase
