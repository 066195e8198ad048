#pragma once

#include <cstddef>
#include <span>

namespace quench::bench {

/// Decodes a JPEG to RGB with stb_image and throws the pixels away: what a program that calls
/// nothing else would spend. quench itself reads JPEG through libjpeg.
/// @throws std::runtime_error  with stb_image's reason
void decode_with_stb(std::span<const std::byte> file);

}  // namespace quench::bench
