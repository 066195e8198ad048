#pragma once

// Private to the readers of files: what includes it needs nlohmann-json.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace quench {

/// Parses what nlohmann-json takes, less what it lets pass: a repeated key (it keeps the last) and
/// pointless depth.
/// @param path       of the file, for messages
/// @param max_depth  of objects and lists within each other
/// @throws std::runtime_error  naming the file and what is wrong with its header
nlohmann::json parse_strict_json(std::span<const std::byte> text, std::size_t max_depth,
                                 const std::string& path);

}  // namespace quench
