#pragma once

#include "core/onednn/sgemm.h"
#include "core/tensor.h"

namespace quench::onednn {

/// c[m, n] = op(a) * op(b) of bf16 matrices, summed in float32; all row-major and dense. Needs has_bf16().
void bf16_gemm(bool transpose_a, bool transpose_b, const GemmSizes& sizes, const Tensor& a,
               const Tensor& b, Tensor& c);

}  // namespace quench::onednn
