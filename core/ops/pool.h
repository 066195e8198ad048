#pragma once

#include "core/ops/window.h"
#include "core/tensor.h"

namespace quench {

/// The shape that pooling with `window` gives: floor((H + top + bottom - KH) / stride) + 1 rows,
/// likewise columns. Each side's padding must be smaller than the kernel, so that no window lies in
/// padding alone.
/// @param x  [N, C, H, W]
/// @throws std::invalid_argument  for another rank, sizes below 1, a padding not as above or a
///                                kernel larger than the padded image
Shape pooled_shape(const Shape& x, const Window2d& window);

/// The pooled image, and what max_pool2d_backward() needs.
struct MaxPoolResult {
  Tensor output;  ///< [N, C, OH, OW]
  Tensor argmax;  ///< u8, same shape: ky * KW + kx of the winner inside its window
};

/// The largest value of each window: of equals the first, and a NaN before any number. Padding
/// never wins.
/// @throws std::invalid_argument  as pooled_shape, or for a window of more than 256 places
MaxPoolResult max_pool2d(const Tensor& x, const Window2d& window);
/// Sends each gradient to the place that won; needs neither x nor the output.
/// @param input  the shape of x
Tensor max_pool2d_backward(const Tensor& grad_output, const Tensor& argmax, const Shape& input,
                           const Window2d& window);

/// The mean of each window over the places that lie in the image: padding does not count.
/// @throws std::invalid_argument  as pooled_shape
Tensor avg_pool2d(const Tensor& x, const Window2d& window);
Tensor avg_pool2d_backward(const Tensor& grad_output, const Shape& input, const Window2d& window);

/// The mean over height and width: [N, C, H, W] to [N, C].
Tensor global_avg_pool2d(const Tensor& x);
Tensor global_avg_pool2d_backward(const Tensor& grad_output, const Shape& input);

}  // namespace quench
