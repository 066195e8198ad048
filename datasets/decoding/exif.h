#pragma once

#include <cstdint>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

/// The orientation that EXIF data name: which of the eight ways, 1 to 8, the stored picture has to
/// be turned or mirrored to stand upright. 1, as it is, if they name none or are damaged.
/// @param tiff  what follows "Exif\0\0": a TIFF header and its directories (EXIF 2.32, 4.6.4)
int exif_orientation(std::span<const std::uint8_t> tiff);

/// `image` as orientation `orientation` (1 to 8) wants to be shown.
Image oriented(const Image& image, int orientation);

}  // namespace quench::datasets
