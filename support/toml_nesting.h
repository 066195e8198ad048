#pragma once

#include <string>
#include <string_view>

namespace quench {

/// Limit on nested tables and lists, and on the parts of a dotted key: settings are walked
/// recursively. Real configs have five or six levels.
inline constexpr int kMaxTomlNesting = 32;

/// Checks TOML text before it reaches the parser, which would recurse.
/// @param name  for the message. @throws std::invalid_argument  "name:line: ..." if nested too
///              deeply
void check_toml_nesting(std::string_view text, const std::string& name);

}  // namespace quench
