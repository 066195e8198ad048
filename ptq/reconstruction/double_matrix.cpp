#include "ptq/reconstruction/double_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/parallel.h"

namespace quench::ptq {
namespace {

constexpr std::int64_t kTileRows = 8, kTileColumns = 64;

/// c[i][j] += sign * sum over p of x[p][i] x[p][j] for j >= i, with p in order.
struct Products {
  const double* x;
  std::int64_t x_stride, count;
  double* c;
  std::int64_t c_stride, n;
  double sign;
};

/// A tile of sums stays in the L1 cache during the loop over p. Elements do not mix, so any vector
/// width gives the same bits.
__attribute__((always_inline)) inline void add_tile(const Products& of, std::int64_t i0,
                                                    std::int64_t j0) {
  const std::int64_t rows = std::min(kTileRows, of.n - i0);
  const std::int64_t columns = std::min(kTileColumns, of.n - j0);
  std::array<std::array<double, kTileColumns>, kTileRows> sums;
  for (std::int64_t i = 0; i < rows; ++i)
    std::copy_n(of.c + (i0 + i) * of.c_stride + j0, columns, sums[i].data());
  for (std::int64_t p = 0; p < of.count; ++p) {
    const double* right = of.x + p * of.x_stride + j0;
    for (std::int64_t i = 0; i < rows; ++i) {
      const double left = of.sign * of.x[p * of.x_stride + i0 + i];
      double* sum = sums[i].data();
      for (std::int64_t j = 0; j < columns; ++j) sum[j] += left * right[j];
    }
  }
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = std::max<std::int64_t>(i0 + i - j0, 0); j < columns; ++j)
      of.c[(i0 + i) * of.c_stride + j0 + j] = sums[i][j];
}

void add_tile_any(const Products& of, std::int64_t i0, std::int64_t j0) { add_tile(of, i0, j0); }
__attribute__((target("avx2"))) void add_tile_avx2(const Products& of, std::int64_t i0,
                                                   std::int64_t j0) {
  add_tile(of, i0, j0);
}

void add_all(const Products& products) {
  std::vector<std::pair<std::int64_t, std::int64_t>> tiles;
  for (std::int64_t i = 0; i < products.n; i += kTileRows)
    for (std::int64_t j = i / kTileColumns * kTileColumns; j < products.n; j += kTileColumns)
      tiles.emplace_back(i, j);
  const auto tile = __builtin_cpu_supports("avx2") != 0 ? add_tile_avx2 : add_tile_any;
  const std::int64_t work = std::max<std::int64_t>(products.count * kTileRows * kTileColumns, 1);
  parallel_for(std::ssize(tiles), kParallelGrain / work + 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t t = begin; t < end; ++t)
                   tile(products, tiles[static_cast<std::size_t>(t)].first,
                        tiles[static_cast<std::size_t>(t)].second);
               });
}

/// Replaces the upper triangle of a by R with R^T R = a. @return whether a is positive definite
bool cholesky(SquareMatrix& a) {
  constexpr std::int64_t kPanel = 64;
  const std::int64_t n = a.n;
  for (std::int64_t begin = 0; begin < n; begin += kPanel) {
    const std::int64_t end = std::min(begin + kPanel, n);
    for (std::int64_t k = begin; k < end; ++k) {
      double* pivot = a.row(k);
      if (!(pivot[k] > 0.0) || !std::isfinite(pivot[k])) return false;
      const double root = std::sqrt(pivot[k]);
      for (std::int64_t j = k; j < n; ++j) pivot[j] /= root;
      for (std::int64_t i = k + 1; i < end; ++i) {
        double* row = a.row(i);
        const double factor = pivot[i];
        for (std::int64_t j = i; j < n; ++j) row[j] -= factor * pivot[j];
      }
    }
    if (end < n)
      add_all({.x = a.row(begin) + end,
               .x_stride = n,
               .count = end - begin,
               .c = a.row(end) + end,
               .c_stride = n,
               .n = n - end,
               .sign = -1.0});
  }
  return true;
}

SquareMatrix transposed(const SquareMatrix& a) {
  SquareMatrix result(a.n);
  for (std::int64_t i = 0; i < a.n; ++i)
    for (std::int64_t j = 0; j < a.n; ++j) result.row(j)[i] = a.row(i)[j];
  return result;
}

/// The inverse of a lower triangular matrix, row by row: each row is a combination of the rows
/// above it.
SquareMatrix lower_inverse(const SquareMatrix& l) {
  const std::int64_t n = l.n;
  SquareMatrix inverse(n);
  const std::int64_t stripes = (n + kTileColumns - 1) / kTileColumns;
  parallel_for(stripes, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t stripe = first; stripe < last; ++stripe) {
      const std::int64_t begin = stripe * kTileColumns, end = std::min(begin + kTileColumns, n);
      for (std::int64_t i = begin; i < n; ++i) {
        double* row = inverse.row(i);
        if (i < end) row[i] = 1.0;
        // Row k is 0 beyond its diagonal.
        for (std::int64_t k = begin; k < i; ++k) {
          const double factor = l.row(i)[k];
          const double* above = inverse.row(k);
          for (std::int64_t j = begin; j < std::min(end, k + 1); ++j) row[j] -= factor * above[j];
        }
        for (std::int64_t j = begin; j < std::min(end, i + 1); ++j) row[j] /= l.row(i)[i];
      }
    }
  });
  return inverse;
}

void reverse_both_ways(SquareMatrix& a) { std::ranges::reverse(a.values); }

}  // namespace

void add_products(SquareMatrix& matrix, const double* x, std::int64_t count) {
  add_all({.x = x,
           .x_stride = matrix.n,
           .count = count,
           .c = matrix.values.data(),
           .c_stride = matrix.n,
           .n = matrix.n,
           .sign = 1.0});
}

void mirror_upper(SquareMatrix& matrix) {
  for (std::int64_t i = 0; i < matrix.n; ++i)
    for (std::int64_t j = 0; j < i; ++j) matrix.row(i)[j] = matrix.row(j)[i];
}

SquareMatrix inverse_factor(const SquareMatrix& matrix) {
  // With J the reversal and J H J = L L^T, the upper triangular U = J L^-1 J has U^T U = H^-1: one
  // factorization, while computing H^-1 itself would take two.
  SquareMatrix reversed = matrix;
  reverse_both_ways(reversed);
  if (!cholesky(reversed)) return SquareMatrix();
  SquareMatrix factor = lower_inverse(transposed(reversed));
  reverse_both_ways(factor);
  return factor;
}

}  // namespace quench::ptq
