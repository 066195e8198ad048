#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quench {

// Numbers formatted for people.

/// Digits in groups of three: "1,234,567".
std::string grouped(std::int64_t number);
/// A number and its noun: "1 epoch", "2 epochs".
std::string counted(std::int64_t number, std::string_view noun);
/// Bytes in KiB, with one decimal.
std::string kib(double bytes);

}  // namespace quench
