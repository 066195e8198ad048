#pragma once

#include <cstddef>
#include <span>

namespace quench::bench {

/// Decodes a JPEG to RGB with stb_image and discards the pixels, as the cost of decoding alone.
/// quench itself reads JPEG with libjpeg.
/// @throws std::runtime_error  with stb_image's reason
void decode_with_stb(std::span<const std::byte> file);

}  // namespace quench::bench
