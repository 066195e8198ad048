#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quench::ptq {

/// A row-major square matrix in double. Sums have a fixed order, so results are deterministic and
/// do not depend on the number of threads.
struct SquareMatrix {
  explicit SquareMatrix(std::int64_t size = 0)
      : n(size), values(static_cast<std::size_t>(size * size), 0.0) {}

  double* row(std::int64_t i) { return values.data() + i * n; }
  const double* row(std::int64_t i) const { return values.data() + i * n; }

  std::int64_t n;
  std::vector<double> values;
};

/// Adds x^T x to the upper triangle of `matrix`, for x [count, n].
void add_products(SquareMatrix& matrix, const double* x, std::int64_t count);
/// Copies the upper triangle to the lower one.
void mirror_upper(SquareMatrix& matrix);

/// The upper triangular U with a positive diagonal and U^T U = matrix^-1, of a symmetric matrix.
/// @return  n = 0 if the matrix is not positive definite
SquareMatrix inverse_factor(const SquareMatrix& matrix);

}  // namespace quench::ptq
