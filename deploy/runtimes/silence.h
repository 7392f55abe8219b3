// Libraries that chatter.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

namespace simplebase {

/// Drops what is written to standard output and error while it lives: MNN prints what the processor
/// can do and LiteRT that it made a delegate, and neither has a switch for it.
class Silence {
 public:
  explicit Silence(bool wanted) {
    const int nowhere = wanted ? open("/dev/null", O_WRONLY) : -1;
    if (nowhere < 0) return;
    for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
      kept_.push_back(dup(descriptor));
      dup2(nowhere, descriptor);
    }
    close(nowhere);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    std::fflush(stdout);
    for (size_t i = 0; i < kept_.size(); ++i) {
      dup2(kept_[i], i == 0 ? STDOUT_FILENO : STDERR_FILENO);
      close(kept_[i]);
    }
  }

 private:
  std::vector<int> kept_;
};

}  // namespace simplebase
