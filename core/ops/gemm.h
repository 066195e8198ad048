#pragma once

#include "core/tensor.h"

namespace quench {

/// op(a) * op(b) for f32 matrices, where op transposes if the flag after the operand is true.
/// [M, K] (or [K, M] if transposed) times [K, N] (or [N, K]) gives [M, N].
/// @throws std::invalid_argument  for another rank or type, sizes that do not match, or an empty
///                                axis
Tensor matmul(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b);

}  // namespace quench
