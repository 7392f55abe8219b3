#include "demo/arguments.h"
#include "error.h"
#include "tests/check.h"

using namespace simplebase;

namespace {

Arguments parsed(std::vector<std::string> words) {
  words.insert(words.begin(), {"-m", "model", "-i", "image"});
  return parse_arguments(words);
}

bool refused(const std::vector<std::string>& words, const std::string& part) {
  return check::throws<UsageError>([&] { parsed(words); }, part);
}

}  // namespace

TEST(upstreams_example_line_is_understood) {
  const Arguments arguments = parse_arguments(
      {"-m", "m.tflite", "-i", "a.jpg", "-l", "c.txt", "-t", "8", "-c", "10", "-w", "3"});
  CHECK(arguments.model == "m.tflite");
  CHECK(arguments.image == "a.jpg");
  CHECK(arguments.classes == "c.txt");
  CHECK(arguments.threads == 8 && arguments.count == 10 && arguments.warmup_runs == 3);
}

TEST(upstreams_long_names_and_ours_mean_the_same) {
  const Arguments theirs = parse_arguments(
      {"--model_file", "m", "--image", "a", "--warmup_runs", "5", "--verbose", "1"});
  const Arguments ours =
      parse_arguments({"--model=m", "--image=a", "--warmup-runs=5", "--verbose"});
  CHECK(theirs.model == ours.model && theirs.image == ours.image);
  CHECK(theirs.warmup_runs == 5 && ours.warmup_runs == 5);
  CHECK(theirs.verbose && ours.verbose);
  CHECK(!parsed({"-v", "0"}).verbose);
}

TEST(boxes_may_begin_left_of_the_image) {
  const Arguments arguments = parsed({"--boxes", "-4,0,50,60", "1,2,3.5,4", "--json"});
  CHECK(arguments.boxes.size() == 2);
  CHECK(arguments.boxes[0].x == -4 && arguments.boxes[0].height == 60);
  CHECK(arguments.boxes[1].width == 3.5);
  CHECK(arguments.json);
}

TEST(what_is_wrong_with_the_command_line_is_said) {
  CHECK(check::throws<UsageError>([] { parse_arguments({"-m", "model"}); }, "--image"));
  CHECK(refused({"--boxes", "1,2,3"}, "x,y,width,height"));
  CHECK(refused({"--boxes", "1,2,3,4,"}, "x,y,width,height"));
  CHECK(refused({"--boxes", "1,2,three,4"}, "three"));
  CHECK(refused({"-t", "0"}, "from 1"));
  CHECK(refused({"-t", "2.5"}, "whole"));
  CHECK(refused({"-t", "99999999999999999999"}, "whole"));
  CHECK(refused({"-c", "many"}, "many"));
  CHECK(refused({"-c", ""}, "number"));
  CHECK(refused({"-c"}, "value"));
  CHECK(refused({"-c", "nan"}, "whole"));
  CHECK(refused({"--decode", "best"}, "quarter"));
  CHECK(refused({"--colour"}, "--colour"));
  CHECK(refused({"--input_mean", "127.5"}, "normalises"));
}

TEST(the_least_score_is_the_models_own_unless_it_is_given) {
  CHECK(!parsed({}).min_score);
  CHECK(parsed({"--min-score", "0.25"}).min_score == 0.25);
}

TEST(a_depth_range_is_two_numbers_or_file) {
  CHECK(!parsed({}).depth_range);
  const auto range = parsed({"--depth-range", "-10.5,4095"}).depth_range;
  CHECK(range && !range->own && range->low == -10.5 && range->high == 4095);
  CHECK(parsed({"--depth_range=file"}).depth_range->own);
  for (const char* text : {"4095", "1,2,3", "5,5", "9,2", "a,b", "0,inf", ","}) {
    CHECK(refused({"--depth-range", text}, "--depth-range must be LOW,HIGH"));
  }
}
