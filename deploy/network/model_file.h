#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// Writes a network as a model file, model.qnc (deploy/README.md, "The file"), atomically: weights
/// at their bits, all numbers exactly, a checksum over all.
/// @throws std::invalid_argument  if check_network() refuses it, or a text is not UTF-8
/// @throws std::runtime_error     if the file cannot be written
/// @return  the file's bytes
std::size_t write_model(const std::filesystem::path& path, const IntegerNetwork& network);

/// Reads what write_model() wrote: an equal network, which check_network() accepts.
///
/// Nothing in the file is trusted: the checksum comes first, sizes are compared with the file's
/// before anything is allocated, and every field must be there, of its type, and known.
/// @throws std::runtime_error  naming the file and what is wrong: no model file, a newer version,
///                             cut short, damaged, or made by something else
IntegerNetwork read_model(const std::filesystem::path& path);

/// The file's bytes. @throws std::invalid_argument  as write_model()
std::vector<std::byte> format_model(const IntegerNetwork& network);
/// The network that `bytes` hold. @param name  for messages @throws std::runtime_error  as read_model()
IntegerNetwork parse_model(std::span<const std::byte> bytes, const std::string& name);

}  // namespace quench::deploy
