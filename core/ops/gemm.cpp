#include "core/ops/gemm.h"

#include "core/onednn/sgemm.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

void check_operand(const Tensor& operand, const char* role) {
  require(operand.defined() && operand.rank() == 2 && operand.dtype() == DType::f32,
          "matmul: expected an f32 matrix as {}, got {} {}", role,
          operand.defined() ? name_of(operand.dtype()) : "an undefined tensor",
          operand.shape().to_string());
  require(operand.numel() > 0, "matmul: expected a matrix without empty axes as {}, got {}", role,
          operand.shape().to_string());
}

}  // namespace

Tensor matmul(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const ProfileScope scope("matmul");
  check_operand(a, "a");
  check_operand(b, "b");
  const std::int64_t m = a.dim(transpose_a ? 1 : 0), k = a.dim(transpose_a ? 0 : 1);
  const std::int64_t n = b.dim(transpose_b ? 0 : 1), b_rows = b.dim(transpose_b ? 1 : 0);
  require(k == b_rows, "matmul: expected equal inner sizes, got {} and {} (a {}{}, b {}{})", k,
          b_rows, a.shape().to_string(), transpose_a ? " transposed" : "", b.shape().to_string(),
          transpose_b ? " transposed" : "");
  Tensor c({m, n});
  onednn::sgemm(transpose_a, transpose_b, {.m = m, .n = n, .k = k}, a.data(), b.data(), c.data());
  return c;
}

}  // namespace quench
