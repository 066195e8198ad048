#pragma once

#include <span>
#include <string>
#include <string_view>

namespace quench {

/// Names for a message: "a, b, c"; of more than a message has room for the first ones, "a, b, c and 212 more".
std::string listed(std::span<const std::string> names, std::string_view separator = ", ");

}  // namespace quench
