#pragma once

// Private to onnx/: strings of ONNX files.

#include <string>
#include <string_view>

namespace quench::onnx {

/// `text` in quotes on one line, with unprintable characters escaped, truncated if it is long.
std::string in_quotes(std::string_view text);

/// Whether the string is valid UTF-8.
bool is_utf8(std::string_view text);

/// Returns `name` if it is safe to use in messages and in other files.
/// @param what  begins messages, e.g. "net.onnx: a node's input"
/// @throws std::runtime_error  if the name is not UTF-8, has control characters, or is longer than
///                             4096 bytes
const std::string& checked_name(const std::string& name, const std::string& what);

}  // namespace quench::onnx
