#include "onnx/file/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "support/error.h"

namespace quench::onnx {
namespace {

constexpr std::size_t kMaxName = 4096;  // exporters write module paths of hundreds of bytes
constexpr std::size_t kMaxQuoted = 200;

struct Lead {
  std::size_t length;  // of the character, in bytes; 0 if no character begins here
  std::uint32_t bits;  // of its code point
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, byte};
  if (byte >= 0xc2 && byte < 0xe0) return {2, byte & 0x1fu};
  if (byte >= 0xe0 && byte < 0xf0) return {3, byte & 0x0fu};
  if (byte >= 0xf0 && byte < 0xf5) return {4, byte & 0x07u};
  return {0, 0};
}

/// The length of the first character of `text`, or 0 if it is invalid.
std::size_t character_length(std::string_view text) {
  auto [length, code] = lead_of(static_cast<unsigned char>(text.front()));
  if (length == 0 || length > text.size()) return 0;
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0u) != 0x80u) return 0;
    code = code << 6u | (byte & 0x3fu);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return too_long || surrogate || code > 0x10ffff ? 0 : length;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (std::size_t i = 0; i < std::min(text.size(), kMaxQuoted);) {
    const std::size_t length = character_length(text.substr(i));
    if (length == 0 || is_control(text[i])) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i++]));
    } else {
      result += text.substr(i, length);
      i += length;
    }
  }
  return result + (text.size() > kMaxQuoted ? "...'" : "'");
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

const std::string& checked_name(const std::string& name, const std::string& what) {
  if (name.size() > kMaxName)
    fail("{}: expected a name of at most {} bytes, got {}", what, kMaxName, name.size());
  if (!is_utf8(name) || std::ranges::any_of(name, is_control))
    fail("{}: expected a name in UTF-8 without control characters, got {}", what, in_quotes(name));
  return name;
}

}  // namespace quench::onnx
