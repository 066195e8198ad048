#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace quench::cli {

/// An error message of the program and its exit status: 2 for an invalid command line or config,
/// else 1.
struct Failure {
  std::string message;
  int status;
};
Failure failure_of(const std::exception& error);

/// Prints "quench: MESSAGE" on stderr and returns the status.
int complain(std::string_view message, int status);

inline constexpr int kFailure = 1, kUsage = 2;

}  // namespace quench::cli
