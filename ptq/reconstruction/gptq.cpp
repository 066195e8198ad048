#include "ptq/reconstruction/gptq.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/parallel.h"

namespace quench::ptq {
namespace {

double nearest_code(double w, double scale, quant::CodeRange range) {
  return std::clamp(std::nearbyint(w / scale), double{range.low}, double{range.high}) + 0.0;
}

/// An input that is always 0 has no effect: its weights become 0, and H becomes invertible.
void take_out_dead_inputs(GptqProblem& problem, SquareMatrix& hessian) {
  for (std::int64_t j = 0; j < hessian.n; ++j) {
    if (hessian.row(j)[j] != 0.0) continue;
    hessian.row(j)[j] = 1.0;
    for (std::int64_t r = 0; r < problem.rows; ++r) problem.weight[r * hessian.n + j] = 0.0;
  }
}

void damp(SquareMatrix& hessian, double damping) {
  double trace = 0.0;
  for (std::int64_t j = 0; j < hessian.n; ++j) trace += hessian.row(j)[j];
  const double addend = damping * trace / static_cast<double>(hessian.n);
  for (std::int64_t j = 0; j < hessian.n; ++j) hessian.row(j)[j] += addend;
}

SquareMatrix permuted(const SquareMatrix& a, const std::vector<std::int64_t>& order) {
  SquareMatrix result(a.n);
  for (std::int64_t i = 0; i < a.n; ++i)
    for (std::int64_t j = 0; j < a.n; ++j) result.row(i)[j] = a.row(order[i])[order[j]];
  return result;
}

/// Rounds the columns of some rows in order. A few rows at a time share the reads of U.
class ColumnSweep {
 public:
  ColumnSweep(const GptqProblem& problem, const SquareMatrix& factor,
              const std::vector<std::int64_t>& order, GptqResult& result)
      : problem_(problem), factor_(factor), order_(order), result_(result) {}

  static constexpr std::int64_t kRows = 8;

  void rows(std::int64_t first, std::int64_t last) const {
    const std::int64_t n = factor_.n;
    std::vector<double> weights(static_cast<std::size_t>((last - first) * n));
    for (std::int64_t r = first; r < last; ++r)
      for (std::int64_t j = 0; j < n; ++j)
        weights[(r - first) * n + j] = problem_.weight[r * n + order_[j]];
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t r = first; r < last; ++r) column(r, j, weights.data() + (r - first) * n);
  }

 private:
  void column(std::int64_t r, std::int64_t j, double* w) const {
    const std::int64_t n = factor_.n;
    const double* u = factor_.row(j);
    const double q = nearest_code(w[j], problem_.scale[r], problem_.range[r]);
    const double e = (w[j] - problem_.scale[r] * q) / u[j];
    result_.codes[r * n + order_[j]] = q;
    result_.loss[r] += e * e / 2.0;
    for (std::int64_t k = j + 1; k < n; ++k) w[k] -= e * u[k];
  }

  const GptqProblem& problem_;
  const SquareMatrix& factor_;
  const std::vector<std::int64_t>& order_;
  GptqResult& result_;
};

/// H^-1 = U^T U.
SquareMatrix inverse_of(const SquareMatrix& factor) {
  SquareMatrix inverse(factor.n);
  add_products(inverse, factor.values.data(), factor.n);
  mirror_upper(inverse);
  return inverse;
}

/// One row in greedy order.
class GreedyRow {
 public:
  GreedyRow(const GptqProblem& problem, std::int64_t row, const SquareMatrix& inverse,
            GptqResult& result)
      : scale_(problem.scale[row]),
        range_(problem.range[row]),
        inverse_(inverse),
        w_(problem.weight.begin() + row * inverse.n,
           problem.weight.begin() + (row + 1) * inverse.n),
        done_(w_.size(), false),
        codes_(result.codes.data() + row * inverse.n),
        loss_(result.loss[row]) {}

  void round_all() {
    for (std::size_t count = 0; count < w_.size(); ++count) round(next());
  }

 private:
  double error(std::int64_t j) const {
    return w_[j] - scale_ * nearest_code(w_[j], scale_, range_);
  }

  std::int64_t next() const {
    std::int64_t furthest = -1, cheapest = -1;
    double distance = scale_ / 2.0 * (1.0 + 1e-12);  // a tie is at most half a step off
    double cost = std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < inverse_.n; ++j) {
      if (done_[j]) continue;
      const double e = error(j);
      if (std::abs(e) > distance) {
        distance = std::abs(e);
        furthest = j;
      }
      const double own = e * e / inverse_.row(j)[j];
      if (cheapest < 0 || own < cost) {
        cost = own;
        cheapest = j;
      }
    }
    return furthest >= 0 ? furthest : cheapest;
  }

  void round(std::int64_t j) {
    const std::int64_t n = inverse_.n;
    const double e = error(j), pivot = inverse_.row(j)[j];
    codes_[j] = nearest_code(w_[j], scale_, range_);
    loss_ += e * e / pivot / 2.0;
    done_[j] = true;
    const std::vector<double> row(inverse_.row(j), inverse_.row(j) + n);
    for (std::int64_t k = 0; k < n; ++k) {
      if (done_[k]) continue;
      w_[k] -= e / pivot * row[k];
      const double factor = row[k] / pivot;
      double* to = inverse_.row(k);
      for (std::int64_t i = 0; i < n; ++i) to[i] -= factor * row[i];
    }
  }

  double scale_;
  quant::CodeRange range_;
  SquareMatrix inverse_;
  std::vector<double> w_;
  std::vector<bool> done_;
  double* codes_;
  double& loss_;
};

}  // namespace

std::vector<std::int64_t> falling_diagonal(const SquareMatrix& hessian) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(hessian.n));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::int64_t j) { return hessian.row(j)[j]; });
  return order;
}

std::optional<GptqResult> gptq(GptqProblem problem, SquareMatrix hessian,
                               const GptqOptions& options) {
  take_out_dead_inputs(problem, hessian);
  std::vector<std::int64_t> order(static_cast<std::size_t>(hessian.n));
  std::iota(order.begin(), order.end(), 0);
  if (options.order == "activation") {
    order = falling_diagonal(hessian);
    hessian = permuted(hessian, order);
  }
  damp(hessian, options.damping);
  const SquareMatrix factor = inverse_factor(hessian);
  if (factor.n == 0) return std::nullopt;
  GptqResult result{.codes = std::vector<double>(problem.weight.size()),
                    .loss = std::vector<double>(problem.scale.size(), 0.0)};
  if (options.order == "greedy") {
    const SquareMatrix inverse = inverse_of(factor);
    parallel_for(problem.rows, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r)
        GreedyRow(problem, r, inverse, result).round_all();
    });
    return result;
  }
  const ColumnSweep sweep(problem, factor, order, result);
  parallel_for((problem.rows + ColumnSweep::kRows - 1) / ColumnSweep::kRows, 1,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t t = first; t < last; ++t)
                   sweep.rows(t * ColumnSweep::kRows,
                              std::min((t + 1) * ColumnSweep::kRows, problem.rows));
               });
  return result;
}

double output_error(const GptqProblem& problem, std::span<const double> codes,
                    const SquareMatrix& hessian) {
  const std::int64_t n = hessian.n;
  std::vector<double> errors(static_cast<std::size_t>(problem.rows));
  parallel_for(problem.rows, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> d(static_cast<std::size_t>(n));
    for (std::int64_t r = first; r < last; ++r) {
      for (std::int64_t j = 0; j < n; ++j)
        d[j] = problem.weight[r * n + j] - problem.scale[r] * codes[r * n + j];
      double error = 0.0;
      for (std::int64_t i = 0; i < n; ++i) {
        double product = 0.0;
        for (std::int64_t j = 0; j < n; ++j) product += hessian.row(i)[j] * d[j];
        error += d[i] * product;
      }
      errors[r] = error;
    }
  });
  return std::accumulate(errors.begin(), errors.end(), 0.0);
}

std::vector<double> nearest_codes(const GptqProblem& problem) {
  const std::size_t n = problem.weight.size() / problem.scale.size();
  std::vector<double> codes(problem.weight.size());
  for (std::size_t i = 0; i < codes.size(); ++i)
    codes[i] = nearest_code(problem.weight[i], problem.scale[i / n], problem.range[i / n]);
  return codes;
}

}  // namespace quench::ptq
