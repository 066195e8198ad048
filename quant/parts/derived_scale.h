#pragma once

#include <vector>

#include "autograd/variable.h"
#include "quant/code.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// A scale s, per tensor or channel, that is a function of a trained value.
struct DerivedScale {
  float scale = 1.0f;
  float slope = 0.0f;  ///< ds/dtrained
};

/// y = s clip(round(x / s), low, high), recorded on the tape as a function of x and of the trained
/// value. Rounding is straight-through, all else is differentiated exactly. With r = round(x / s):
///
///   dL/dx       = dL/dy where low <= r <= high, else 0
///   dy/ds       = r - x / s where low <= r <= high; low below; high above
///   dL/dtrained = ds/dtrained * sum(dL/dy * dy/ds), over the tensor or each slice along axis 0
///
/// (Jain et al. 2019, eq. 6 to 8; FAT uses the same window.) NaN becomes 0 and has no gradient.
///
/// @param trained  f32, as many elements as there are scales
/// @param scales   one, or one per slice of x along axis 0
Variable quantize_with_derived_scale(const Variable& x, const Variable& trained,
                                     const std::vector<DerivedScale>& scales, CodeRange codes,
                                     const Quantizer* on = nullptr);

}  // namespace quench::quant
