#pragma once

#include <cstdint>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

/// The EXIF orientation, 1 to 8: which of the eight rotations and mirrorings makes the stored image
/// upright. 1 (unchanged) if it is absent or the data are damaged.
/// @param tiff  the bytes after "Exif\0\0": a TIFF header and its directories (EXIF 2.32, 4.6.4)
int exif_orientation(std::span<const std::uint8_t> tiff);

/// `image` with orientation `orientation` (1 to 8) applied.
Image oriented(const Image& image, int orientation);

}  // namespace quench::datasets
