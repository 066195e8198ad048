#pragma once

#include "core/random.h"
#include "core/tensor.h"

namespace quench {

/// A weight [O, I/groups, KH, KW] or [O, I], uniform in +-sqrt(6 / (fan_in + fan_out)) with
/// fan_in = I/groups*KH*KW and fan_out = O*KH*KW (Glorot & Bengio 2010, eq. 16). Values are drawn
/// in row-major order.
Tensor glorot_uniform(const Shape& shape, Random& random);

/// The same shapes, normal with standard deviation sqrt(2 / fan_in), for ReLU networks (He et al.
/// 2015, eq. 10).
Tensor he_normal(const Shape& shape, Random& random);

}  // namespace quench
