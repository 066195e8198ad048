#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// Writes a network as a model file, model.qnc (deploy/README.md, "The file"), atomically. Weights
/// take their grid's bits, all numbers are exact, and a checksum covers the file.
/// @throws std::invalid_argument  if check_network() rejects it, or a string is not UTF-8
/// @throws std::runtime_error     if the file cannot be written
/// @return  the file's size in bytes
std::size_t write_model(const std::filesystem::path& path, const IntegerNetwork& network);

/// Reads a file of write_model(). The result equals the written network and passes check_network().
///
/// Nothing in the file is trusted: the checksum is checked first, sizes are compared with the
/// file's before anything is allocated, and every field must be present, known, and of its type.
/// @throws std::runtime_error  naming the file and the error: not a model file, a newer version,
///                             truncated, damaged, or written by other software
IntegerNetwork read_model(const std::filesystem::path& path);

/// The file's bytes. @throws std::invalid_argument  as write_model()
std::vector<std::byte> format_model(const IntegerNetwork& network);
/// Reads a network from `bytes`.
/// @param name  for messages
/// @throws std::runtime_error  as read_model()
IntegerNetwork parse_model(std::span<const std::byte> bytes, const std::string& name);

}  // namespace quench::deploy
