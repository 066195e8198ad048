#pragma once

#include <cstddef>

#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// To the nearest integer, ties away from 0: zero points are rounded so, values are not.
double round_half_away(double value);

/// Writes the scale and zero point with which channel `i` of `grid` covers `range`, in double:
///   scale = (max - min) / (qmax - qmin), zero point = clip(round_half_away(qmin - min / scale)).
/// The range is first widened to hold 0, and real 0 is a code (Jacob et al. 2018, section 2.1). A
/// range of nothing gets scale 1 and a zero point as near to 0 as the codes go.
void cover_affine(QuantGrid& grid, std::size_t i, const ValueRange& range);

/// The same with zero point 0: scale = reach / qmax, the reach being the threshold of the range, or
/// its max where the grid is unsigned.
void cover_symmetric(QuantGrid& grid, std::size_t i, const ValueRange& range);

/// Where a gradient passes: which real values the grid covers once its zero point is an integer,
/// scale * [low, high] (TensorFlow), or those whose rounded code is one (PyTorch), up to half a step
/// further. A `range` of nothing covers nothing but 0.
Window real_window(float scale, CodeRange codes, const ValueRange& range);
Window code_window(float scale, CodeRange codes);

}  // namespace quench::quant
