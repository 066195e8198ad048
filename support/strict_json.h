#pragma once

// Private to the file readers: including it requires nlohmann-json.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "support/error.h"

namespace quench {

/// Parses JSON with two checks that nlohmann-json lacks: it rejects repeated keys (nlohmann-json
/// keeps the last) and excessive nesting.
/// @param what       the start of error messages, e.g. "a.safetensors: header"
/// @param max_depth  of nested objects and lists
/// @throws std::runtime_error  for invalid JSON, a repeated key or more nesting
nlohmann::json parse_strict_json(std::span<const std::byte> text, std::size_t max_depth,
                                 const std::string& what);

/// The integer in `value`. nlohmann-json would cast any number, even one that T cannot represent.
/// @param key  the value's name, for messages
/// @throws std::runtime_error  for anything but an integer that T can represent
template <typename T>
T integer_from(const nlohmann::json& value, const char* key) {
  if (value.is_number_unsigned() && std::in_range<T>(value.get<std::uint64_t>()))
    return static_cast<T>(value.get<std::uint64_t>());
  if (value.is_number_integer() && !value.is_number_unsigned() &&
      std::in_range<T>(value.get<std::int64_t>()))
    return static_cast<T>(value.get<std::int64_t>());
  fail("{}: expected an integer, got {}", key,
       value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace quench
