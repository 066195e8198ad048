#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "datasets/image.h"

namespace quench::datasets {

/// stb_image, which decodes PNG and BMP; compiled here alone. Thread-safe.
/// Both return false and say why in `reason` if the bytes are none of these.
bool stb_size(std::span<const std::uint8_t> bytes, ImageSize& size, std::string& reason);

/// Decodes to RGB: grey is repeated, alpha dropped, 16 bits cut to their upper 8.
/// @param largest_block  bytes; the decoder gets no larger piece of memory, so that compressed data
///                       that claim to be small cannot fill the machine
bool stb_decode(std::span<const std::uint8_t> bytes, std::size_t largest_block, Image& image,
                std::string& reason);

}  // namespace quench::datasets
