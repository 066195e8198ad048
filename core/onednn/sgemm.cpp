#include "core/onednn/sgemm.h"

#include <oneapi/dnnl/dnnl.h>

#include "support/error.h"

namespace quench::onednn {

void sgemm(bool transpose_a, bool transpose_b, const GemmSizes& sizes, const float* a,
           const float* b, float* c, bool accumulate) {
  const auto [m, n, k] = sizes;
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a,
                 transpose_a ? m : k, b, transpose_b ? k : n, accumulate ? 1.0f : 0.0f, c, n);
  if (status != dnnl_success) fail("matmul: oneDNN's sgemm failed with status {}", int{status});
}

}  // namespace quench::onednn
