#pragma once

// Private to the readers of files: what includes it needs nlohmann-json.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>

#include "support/error.h"

namespace quench {

/// Parses what nlohmann-json takes, less what it lets pass: a repeated key (it keeps the last) and
/// pointless depth.
/// @param what       is parsed, to begin messages with: "a.safetensors: header"
/// @param max_depth  of objects and lists within each other
/// @throws std::runtime_error  saying what is wrong with it
nlohmann::json parse_strict_json(std::span<const std::byte> text, std::size_t max_depth,
                                 const std::string& what);

/// The integer that `value` holds. nlohmann-json would cast any number, also one that T cannot hold.
/// @param key  of the value, for messages
/// @throws std::runtime_error  for anything but an integer that T holds
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
