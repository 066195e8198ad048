#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "datasets/image.h"

namespace quench::datasets {

/// stb_image, which decodes BMP; compiled only here. Thread-safe.
/// Both return false and set `reason` if the bytes are not a BMP file.
bool stb_size(std::span<const std::uint8_t> bytes, ImageSize& size, std::string& reason);

/// Decodes to RGB: grey is replicated, alpha dropped.
bool stb_decode(std::span<const std::uint8_t> bytes, Image& image, std::string& reason);

}  // namespace quench::datasets
