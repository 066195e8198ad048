#include "core/ops/gemm.h"

#include "core/onednn/bf16_gemm.h"
#include "core/onednn/library.h"
#include "core/onednn/sgemm.h"
#include "core/ops/bfloat16.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

void check_operand(const Tensor& operand, const char* role) {
  const bool known =
      operand.defined() && (operand.dtype() == DType::f32 || operand.dtype() == DType::bf16);
  require(known && operand.rank() == 2, "matmul: expected an f32 or bf16 matrix as {}, got {} {}",
          role, operand.defined() ? name_of(operand.dtype()) : "an undefined tensor",
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
  require(a.dtype() == b.dtype(), "matmul: expected two matrices of one type, got {} and {}",
          name_of(a.dtype()), name_of(b.dtype()));
  Tensor c({m, n});
  const onednn::GemmSizes sizes{.m = m, .n = n, .k = k};
  if (a.dtype() == DType::bf16 && onednn::has_bf16()) {
    onednn::bf16_gemm(transpose_a, transpose_b, sizes, a, b, c);
    return c;
  }
  const bool widen = a.dtype() == DType::bf16;
  const Tensor left = widen ? to_float32(a) : a, right = widen ? to_float32(b) : b;
  onednn::sgemm(transpose_a, transpose_b, sizes, left.data(), right.data(), c.data());
  return c;
}

}  // namespace quench
