#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

struct DecodeOptions {
  std::int64_t max_pixels = std::int64_t{1} << 26;  ///< of width times height; >= 1
  bool exif_rotation = true;                        ///< turn a JPEG as its EXIF orientation says
};

/// Decodes a JPEG (baseline or progressive; grey, YCbCr, RGB, Adobe's CMYK and YCCK), PNG (any depth,
/// palette, interlaced) or BMP (without compression) to RGB. What it is, is told by content.
///
/// Grey is repeated, alpha dropped, 16 bits cut to their upper 8. The size is checked before a pixel
/// is decoded, and no piece of memory may be larger than an honest file of this size needs.
///
/// @throws std::runtime_error  saying why, without a file's name: empty, none of these formats, more
///                             than max_pixels, cut short, damaged, or CMYK without Adobe's marker
///                             (nobody knows which way round its inks are)
Image decode_image(std::span<const std::uint8_t> bytes, const DecodeOptions& options);

/// The same of a file. @throws std::runtime_error  "<path>: <reason>", or as read_file()
Image decode_image_file(const std::filesystem::path& path, const DecodeOptions& options);

}  // namespace quench::datasets
