#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ptq/reconstruction/double_matrix.h"
#include "quant/code.h"

namespace quench::ptq {

/// [calibration.gptq]
struct GptqOptions {
  double damping = 0.01;  ///< > 0; times the mean of H's diagonal, it is added to that diagonal
  /// The order in which columns are rounded: "index"; "activation", by falling H_jj, so that the
  /// most sensitive columns come first; "greedy", the cheapest column of each row next, which is
  /// OBQ.
  std::string order = "activation";
};

/// The limit for greedy order, whose time per row grows with the cube of the columns.
inline constexpr std::int64_t kMostGreedyColumns = 1024;
/// H and its factors take 24 bytes for each pair of columns.
inline constexpr std::int64_t kMostGptqColumns = 8192;

/// Rows of weights with the same inputs, and the grid of each row.
struct GptqProblem {
  std::int64_t rows = 0;
  std::vector<double> weight;           ///< [rows, n]
  std::vector<double> scale;            ///< of each row
  std::vector<quant::CodeRange> range;  ///< of each row
};

struct GptqResult {
  std::vector<double> codes;  ///< [rows, n], minus the zero point
  std::vector<double> loss;   ///< of each row, as defined by the method: sum of e^2 / 2
};

/// Optimal brain quantization of weights on a given grid (Frantar et al. 2022, arXiv:2210.17323 and
/// arXiv:2208.11580): columns are rounded one by one, and the remaining columns compensate for each
/// error. With U upper triangular, U^T U = (H + damping mean(diag H) I)^-1:
///
///   q_j = nearest code of w_j,   e = (w_j - s q_j) / U_jj,   w_k -= e U_jk for all k > j
///
/// The weights of an input that is always 0 (H_jj = 0) become 0. "greedy" selects, in each row, the
/// column furthest from its code while one is off by more than half a step; otherwise the column
/// with the smallest (w_j - s q_j)^2 / [H^-1]_jj. It then removes the column from H^-1.
///
/// @param hessian  symmetric, [n, n]
/// @return  nullopt if the damped H is not positive definite
std::optional<GptqResult> gptq(GptqProblem problem, SquareMatrix hessian,
                               const GptqOptions& options);

/// The columns by falling diagonal; equal ones keep their order.
std::vector<std::int64_t> falling_diagonal(const SquareMatrix& hessian);

/// sum over rows of (w - s q)^T H (w - s q): the squared error of the layer's output, up to a
/// factor.
double output_error(const GptqProblem& problem, std::span<const double> codes,
                    const SquareMatrix& hessian);

/// The nearest code of each weight.
std::vector<double> nearest_codes(const GptqProblem& problem);

}  // namespace quench::ptq
