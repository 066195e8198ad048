#pragma once

#include <span>
#include <string>
#include <string_view>

namespace quench {

/// Names for a message: "a, b, c". A list that is too long for a message is cut: "a, b, c and 212
/// more".
std::string listed(std::span<const std::string> names, std::string_view separator = ", ");

}  // namespace quench
