#pragma once

#include <cstdint>

#include "datasets/image.h"

namespace quench::datasets {

/// Writes the part `window` of the resized image (`width` x `height`), as H, W, C bytes.
///
/// Bilinear, and antialiased where the image shrinks: the triangle filter is as wide as the step
/// between output pixels, clipped at the border and normalized, as in Pillow and torchvision. Sums
/// are float32 and rounded once at the end (Pillow also rounds between its two passes). An axis
/// that keeps its size keeps its values.
///
/// @param width, height  of the whole resized image; >= 1
/// @param window         the part to write; must lie inside
void resize(const ImageView& source, int width, int height, const Box& window,
            std::uint8_t* output);

/// The view for evaluation: the short side resized to `short_side`, then the centre `height` x
/// `width` cropped. The long side and the crop's offset are rounded down.
/// @param short_side  >= width and height
void central_view(const ImageView& source, int short_side, int height, int width,
                  std::uint8_t* output);

}  // namespace quench::datasets
