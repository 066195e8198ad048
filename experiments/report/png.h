#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace quench::experiments::report {

/// Bytes as base64 (RFC 4648, with padding).
std::string base64(std::span<const std::uint8_t> bytes);

/// A PNG file of H, W, C bytes with 1 or 3 channels.
/// @throws std::invalid_argument  for other shapes, or another number of bytes
std::vector<std::uint8_t> encode_png(const datasets::ImageShape& shape,
                                     std::span<const std::uint8_t> pixels);

/// The image as a "data:image/png;base64,..." URL, to embed in a page. It is shrunk if its longer
/// side exceeds `longest` pixels. @throws as encode_png()
std::string image_address(const datasets::ImageShape& shape, std::span<const std::uint8_t> pixels,
                          int longest = 96);

}  // namespace quench::experiments::report
