#pragma once

#include <cstdint>

namespace quench::onednn {

struct GemmSizes {
  std::int64_t m = 0, n = 0, k = 0;
};

/// c[m, n] = op(a)[m, k] * op(b)[k, n], or += if `accumulate`. All are row-major and dense.
void sgemm(bool transpose_a, bool transpose_b, const GemmSizes& sizes, const float* a,
           const float* b, float* c, bool accumulate = false);

}  // namespace quench::onednn
