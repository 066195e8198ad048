#pragma once

#include <cstdint>

#include "datasets/image.h"

namespace quench::datasets {

/// Writes the part `window` of `source` resized to `width` x `height`, as H, W, C bytes.
///
/// Bilinear, and antialiased where the image shrinks: the triangle filter is as wide as the step
/// between output pixels, cut at the border and normalized, as Pillow and torchvision resize. Sums
/// are float32 and rounded once at the end (Pillow rounds between its two passes as well). An axis
/// that keeps its size keeps its values.
///
/// @param width, height  the whole resized image; >= 1
/// @param window         the part of it to write; inside it
void resize(const ImageView& source, int width, int height, const Box& window,
            std::uint8_t* output);

/// What evaluation sees of an image: the short side resized to `short_side`, of that the middle
/// `height` x `width`. The long side is rounded down, and so is the crop's offset.
/// @param short_side  >= width and height
void central_view(const ImageView& source, int short_side, int height, int width,
                  std::uint8_t* output);

}  // namespace quench::datasets
