#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ptq/reconstruction/double_matrix.h"
#include "quant/code.h"

namespace quench {

/// [calibration.gptq]
struct GptqOptions {
  double damping = 0.01;  ///< > 0: times the mean of H's diagonal, added to that diagonal
  /// In which order columns are rounded: "index"; "activation", by falling H_jj, so that those with
  /// the most to lose come first; "greedy", in each row the one that costs least, which is OBQ.
  std::string order = "activation";
};

/// Of greedy order, whose time grows with the cube of the columns for every row.
inline constexpr std::int64_t kMostGreedyColumns = 1024;
/// H and its factors take 24 bytes for each pair of columns.
inline constexpr std::int64_t kMostGptqColumns = 8192;

/// Rows of weights that read the same inputs, and the grid of each.
struct GptqProblem {
  std::int64_t rows = 0;
  std::vector<double> weight;           ///< [rows, n]
  std::vector<double> scale;            ///< of each row
  std::vector<quant::CodeRange> range;  ///< of each row
};

struct GptqResult {
  std::vector<double> codes;  ///< [rows, n], less the zero point
  std::vector<double> loss;   ///< of each row, as the method counts it: sum of e^2 / 2
};

/// Optimal brain quantization of weights whose grid is given (Frantar et al. 2022, arXiv:2210.17323 and
/// arXiv:2208.11580): columns are rounded one after the other, and those that remain take up the error
/// of each as the inputs let them. With U upper triangular, U^T U = (H + damping mean(diag H) I)^-1:
///
///   q_j = nearest code of w_j,   e = (w_j - s q_j) / U_jj,   w_k -= e U_jk for all k > j
///
/// An input that is always 0 (H_jj = 0) leaves its weights 0. "greedy" instead takes, in each row, a
/// column off by more than half a step while there is one, the furthest first, else that with the least
/// (w_j - s q_j)^2 / [H^-1]_jj, and takes it out of H^-1.
///
/// @param hessian  symmetric, [n, n]
/// @return  nothing if H is not positive definite, though damped
std::optional<GptqResult> gptq(GptqProblem problem, SquareMatrix hessian,
                               const GptqOptions& options);

/// The columns in order of falling diagonal; equal ones keep theirs.
std::vector<std::int64_t> falling_diagonal(const SquareMatrix& hessian);

/// sum over rows of (w - s q)^T H (w - s q): the squared error of the layer's output, but for a factor.
double output_error(const GptqProblem& problem, std::span<const double> codes,
                    const SquareMatrix& hessian);

/// The nearest code of each weight.
std::vector<double> nearest_codes(const GptqProblem& problem);

}  // namespace quench
