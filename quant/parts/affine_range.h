#pragma once

#include <cstddef>

#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// Rounds to the nearest integer, ties away from 0. Used for zero points only, not for values.
double round_half_away(double value);

/// Sets the scale and zero point of channel `i` of `grid` to cover `range`, computed in double:
///   scale = (max - min) / (qmax - qmin), zero point = clip(round_half_away(qmin - min / scale)).
/// The range is first widened to contain 0, and real 0 is a code (Jacob et al. 2018, section 2.1).
/// An empty range gets scale 1 and the code nearest to 0 as zero point.
void cover_affine(QuantGrid& grid, std::size_t i, const ValueRange& range);

/// The same with zero point 0: scale = reach / qmax, where reach is the threshold of the range, or
/// its max if the grid is unsigned.
void cover_symmetric(QuantGrid& grid, std::size_t i, const ValueRange& range);

/// The window in which the gradient passes. real_window(): the real values that the grid covers,
/// scale * [low, high] (TensorFlow); only 0 for an empty `range`. code_window(): the values whose
/// rounded code is on the grid (PyTorch), up to half a step further.
Window real_window(float scale, CodeRange codes, const ValueRange& range);
Window code_window(float scale, CodeRange codes);

}  // namespace quench::quant
