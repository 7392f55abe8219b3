// The least that tests need: named cases, checks that say where they failed.
#pragma once

#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

namespace check {

struct Case {
  std::string name;
  std::function<void()> run;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, std::function<void()> run) { cases().push_back({name, run}); }
};

inline void that(bool holds, const std::string& text, const char* file, int line) {
  if (holds) return;
  ++failures();
  std::cerr << file << ":" << line << ": " << text << "\n";
}

/// Whether `run` throws an Error whose message has `part` in it.
template <typename Error>
bool throws(const std::function<void()>& run, const std::string& part) {
  try {
    run();
  } catch (const Error& error) {
    if (std::string(error.what()).find(part) != std::string::npos) return true;
    std::cerr << "received: " << error.what() << "\n";
  }
  return false;
}

}  // namespace check

#define TEST(name)                                            \
  static void name();                                         \
  static const check::Registration name##_known(#name, name); \
  static void name()
#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance)                                                                \
  check::that(std::abs((a) - (b)) <= (tolerance),                                                  \
              std::string(#a " is ") + std::to_string(a) + ", not " + std::to_string(b), __FILE__, \
              __LINE__)
