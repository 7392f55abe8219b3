#include "tests/check.h"

int main() {
  for (const check::Case& test : check::cases()) {
    const int before = check::failures();
    test.run();
    std::cout << (check::failures() == before ? "ok   " : "FAIL ") << test.name << "\n";
  }
  return check::failures() == 0 ? 0 : 1;
}
