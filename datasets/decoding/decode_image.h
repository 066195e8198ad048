#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

struct DecodeOptions {
  std::int64_t max_pixels = std::int64_t{1} << 26;  ///< width times height; >= 1
  bool exif_rotation = true;                        ///< apply a JPEG's EXIF orientation
};

/// Decodes a JPEG (baseline or progressive; grey, YCbCr, RGB, Adobe's CMYK and YCCK), PNG (any
/// depth, palette, interlaced) or BMP (uncompressed) to RGB. The content decides the format.
///
/// Grey is replicated, alpha dropped, 16 bits reduced to the upper 8. The size is checked before a
/// pixel is decoded, and no allocation exceeds what a valid file of this size needs.
///
/// @throws std::runtime_error  with the reason, without a file name: empty, another format, more
///                             than max_pixels, truncated, damaged, or CMYK without Adobe's marker
///                             (which leaves the polarity of the inks undefined)
Image decode_image(std::span<const std::uint8_t> bytes, const DecodeOptions& options);

/// Likewise for a file. @throws std::runtime_error  "<path>: <reason>", or as read_file()
Image decode_image_file(const std::filesystem::path& path, const DecodeOptions& options);

}  // namespace quench::datasets
