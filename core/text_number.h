#pragma once

#include <cstdint>
#include <string>

namespace quench {

// Numbers as people read them.

/// Digits in groups of three: "1,234,567".
std::string grouped(std::int64_t number);
/// Bytes in KiB, with one decimal.
std::string kib(double bytes);

}  // namespace quench
