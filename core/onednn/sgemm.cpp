#include "core/onednn/sgemm.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench::onednn {
namespace {

/// A row-major matrix with rows `stride` apart, or the transpose of one.
struct Operand {
  const float* data;
  bool transposed;
  std::int64_t stride;

  /// From entry `i` of the axis that the product keeps.
  Operand from(std::int64_t i, bool kept_first) const {
    return {data + (kept_first == transposed ? i : i * stride), transposed, stride};
  }
};

/// c = a b, or c += a b, with rows of c `stride` apart.
void product(const GemmSizes& sizes, const Operand& a, const Operand& b, float* c,
             std::int64_t stride, bool accumulate) {
  const auto [m, n, k] = sizes;
  const dnnl_status_t status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0f, a.data,
                 a.stride, b.data, b.stride, accumulate ? 1.0f : 0.0f, c, stride);
  if (status != dnnl_success) fail("matmul: oneDNN's sgemm failed with status {}", int{status});
}

/// Stripes of c along its longer side, each by one thread: oneDNN may split the sum over k among threads.
void product_in_fixed_order(const GemmSizes& sizes, const Operand& a, const Operand& b, float* c,
                            bool accumulate) {
  constexpr std::int64_t kMostStripes = 8, kWork = 1 << 20;  // multiply-adds worth a task
  const auto [m, n, k] = sizes;
  const bool rows = m >= n;
  const std::int64_t side = std::max(m, n);
  const std::int64_t stripes =
      std::clamp<std::int64_t>(m * n * k / kWork, 1, std::min(kMostStripes, side));
  run_tasks(stripes, [&, n = n](std::int64_t stripe) {
    const std::int64_t begin = side * stripe / stripes, end = side * (stripe + 1) / stripes;
    GemmSizes part = sizes;
    (rows ? part.m : part.n) = end - begin;
    product(part, rows ? a.from(begin, true) : a, rows ? b : b.from(begin, false),
            c + (rows ? begin * n : begin), n, accumulate);
  });
}

}  // namespace

void sgemm(bool transpose_a, bool transpose_b, const GemmSizes& sizes, const float* a,
           const float* b, float* c, bool accumulate) {
  const Operand left{a, transpose_a, transpose_a ? sizes.m : sizes.k};
  const Operand right{b, transpose_b, transpose_b ? sizes.k : sizes.n};
  if (fixed_order()) return product_in_fixed_order(sizes, left, right, c, accumulate);
  product(sizes, left, right, c, sizes.n, accumulate);
}

}  // namespace quench::onednn
