#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "datasets/image.h"

namespace quench::datasets {

/// Width and height from a file's header, before any pixel is decoded.
struct ImageSize {
  int width = 0;
  int height = 0;
};

/// stb_image, which decodes JPEG, PNG and BMP; compiled here alone. Thread-safe.
/// Both return false and say why in `reason` if the bytes are none of these.
bool stb_size(std::span<const std::uint8_t> bytes, ImageSize& size, std::string& reason);

/// Decodes to RGB: grey is repeated, alpha dropped, 16 bits cut to their upper 8.
/// @param largest_block  bytes; the decoder gets no larger piece of memory, so that compressed data
///                       that claim to be small cannot fill the machine
bool stb_decode(std::span<const std::uint8_t> bytes, std::size_t largest_block, Image& image,
                std::string& reason);

}  // namespace quench::datasets
