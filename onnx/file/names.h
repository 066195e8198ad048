#pragma once

// Private to the room: texts of ONNX files.

#include <string>
#include <string_view>

namespace quench::onnx_file {

/// `text` in quotes, on one line: escaped where it is no printable text, cut where it is long.
std::string in_quotes(std::string_view text);

/// Whether every byte belongs to a character of UTF-8.
bool is_utf8(std::string_view text);

/// `name`, which from here on may stand in messages and in other files.
/// @param what  has that name, to begin a message with: "net.onnx: a node's input"
/// @throws std::runtime_error  for one that is not UTF-8, has control characters, or is longer than
///                             4096 bytes
const std::string& checked_name(const std::string& name, const std::string& what);

}  // namespace quench::onnx_file
