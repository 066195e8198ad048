#pragma once

#include <string>
#include <string_view>

namespace quench::train {

/// Tables and lists may lie this deep in each other, and a dotted key may have as many parts: whatever
/// walks through settings does so by recursion, and a config has five or six.
inline constexpr int kMaxTomlNesting = 32;

/// Looks at a TOML text before a parser does, which would recurse.
/// @param name  for the message. @throws std::invalid_argument  "name:line: ..." if it is too deep
void check_toml_nesting(std::string_view text, const std::string& name);

}  // namespace quench::train
