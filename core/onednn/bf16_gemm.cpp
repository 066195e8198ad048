#include "core/onednn/bf16_gemm.h"

#include <oneapi/dnnl/dnnl_version.h>

#include "core/onednn/primitive.h"

namespace quench::onednn {
namespace {

using dnnl::memory;

/// [rows, columns] of a row-major matrix, or of the transpose of one.
memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed,
                    memory::data_type type) {
  return {{rows, columns}, type, transposed ? memory::dims{1, rows} : memory::dims{columns, 1}};
}

dnnl::matmul::primitive_desc matmul_desc(const memory::desc& a, const memory::desc& b,
                                         const memory::desc& c) {
#if DNNL_VERSION_MAJOR >= 3
  return {cpu_engine(), a, b, c, user_scratchpad()};
#else
  return {dnnl::matmul::desc(a, b, c), user_scratchpad(), cpu_engine()};
#endif
}

}  // namespace

// The primitive is not kept: oneDNN caches it, and products of matrices are few and large.
void bf16_gemm(bool transpose_a, bool transpose_b, const GemmSizes& sizes, const Tensor& a,
               const Tensor& b, Tensor& c) {
  const auto [m, n, k] = sizes;
  const memory::desc source = matrix(m, k, transpose_a, memory::data_type::bf16),
                     weights = matrix(k, n, transpose_b, memory::data_type::bf16),
                     destination = matrix(m, n, false, memory::data_type::f32);
  Primitive(matmul_desc(source, weights, destination))
      .execute({{DNNL_ARG_SRC, source, a},
                {DNNL_ARG_WEIGHTS, weights, b},
                {DNNL_ARG_DST, destination, c}});
}

}  // namespace quench::onednn
