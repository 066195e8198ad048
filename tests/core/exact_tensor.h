#pragma once

#include <cmath>
#include <string_view>

#include "core/random.h"
#include "core/tensor.h"

namespace quench::testing {

/// Multiples of 1/8 of few bits: sums of products are exact, so that any order gives the same bits.
inline Tensor exact_tensor(const Shape& shape, std::string_view stream) {
  Random random(5, stream);
  Tensor tensor(shape);
  for (float& value : tensor.span()) value = std::nearbyint(random.uniform(-16.0f, 16.0f)) * 0.125f;
  return tensor;
}

}  // namespace quench::testing
