#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <utility>

namespace quench {

/// Throws std::invalid_argument with the formatted message unless `ok`: for bad arguments and
/// config values.
template <typename... Args>
void require(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) [[unlikely]] {
    throw std::invalid_argument(fmt::format(format, std::forward<Args>(args)...));
  }
}

/// Throws std::runtime_error with the formatted message: for files, data and machines.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw std::runtime_error(fmt::format(format, std::forward<Args>(args)...));
}

/// Throws std::logic_error with the formatted message unless `ok`: for calls in the wrong order.
template <typename... Args>
void expect(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) [[unlikely]] {
    throw std::logic_error(fmt::format(format, std::forward<Args>(args)...));
  }
}

}  // namespace quench
