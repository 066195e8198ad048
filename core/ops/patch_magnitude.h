#pragma once

#include <array>

#include "core/ops/conv2d.h"
#include "core/tensor.h"

namespace quench {

/// The mean of |input| under each window of a convolution, over all channels and taps; padding
/// counts as 0 (K of XNOR-Net: Rastegari et al. 2016, section 3.2).
///
/// @param input   [N, C, H, W]
/// @param kernel  of the convolution, height and width
/// @param params  of the convolution; groups are ignored
/// @return [N, 1, OH, OW], accumulated in double
/// @throws std::invalid_argument  if shapes and parameters do not match
Tensor patch_magnitude(const Tensor& input, std::array<int, 2> kernel, const Conv2dParams& params);

/// The mean of |input| of each row: [N, I] -> [N, 1], accumulated in double.
/// @throws std::invalid_argument  for another rank or I = 0
Tensor row_magnitude(const Tensor& input);

/// x [N, C, H, W] times factor [N, 1, H, W], or x [N, C] times factor [N, 1].
/// @throws std::invalid_argument  for other shapes
Tensor multiply_across_channels(const Tensor& x, const Tensor& factor);

}  // namespace quench
