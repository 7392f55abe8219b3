// What a user did wrong, in one sentence.
#pragma once

#include <stdexcept>

namespace simplebase {

/// The job failed: exit code 1.
class Error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The command line is wrong: exit code 2.
class UsageError : public Error {
  using Error::Error;
};

}  // namespace simplebase
