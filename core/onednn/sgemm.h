#pragma once

#include <cstdint>

namespace quench::onednn {

struct GemmSizes {
  std::int64_t m = 0, n = 0, k = 0;
};

/// c[m, n] = op(a) * op(b), all row-major and dense.
void sgemm(bool transpose_a, bool transpose_b, const GemmSizes& sizes, const float* a,
           const float* b, float* c);

}  // namespace quench::onednn
