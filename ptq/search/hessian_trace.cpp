#include "ptq/search/hessian_trace.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "support/error.h"

namespace quench::ptq {
namespace {

double root_mean_square(const Tensor& x) {
  double squares = 0.0;
  for (const float v : x.span()) squares += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(squares / static_cast<double>(x.numel()));
}

Tensor random_signs(const Shape& shape, Random random) {
  Tensor signs(shape);
  std::ranges::generate(signs.span(), [&] { return random.bits() % 2 == 0 ? -1.0f : 1.0f; });
  return signs;
}

/// Moves a weight by multiples of z, and puts it back.
class MovedWeight {
 public:
  MovedWeight(Variable weight, const Tensor& z)
      : weight_(std::move(weight)), kept_(weight_.value().clone()), z_(z) {}
  ~MovedWeight() { weight_.mutable_value().copy_from(kept_); }
  MovedWeight(const MovedWeight&) = delete;
  MovedWeight& operator=(const MovedWeight&) = delete;

  void to(float step) {
    const auto values = weight_.mutable_value().span();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = kept_.span()[i] + step * z_.span()[i];
    weight_.mutable_value().bump_version();
  }

 private:
  Variable weight_;
  Tensor kept_;
  const Tensor& z_;
};

}  // namespace

double curvature(const WeightGradient& gradient, Variable weight, const Tensor& z) {
  constexpr double kStep = 1e-3;
  const double size = root_mean_square(weight.value());
  const auto step = static_cast<float>(size > 0.0 ? kStep * size : kStep);
  MovedWeight moved(std::move(weight), z);
  moved.to(step);
  const Tensor ahead = gradient();
  moved.to(-step);
  const Tensor behind = gradient();
  double sum = 0.0;
  for (std::size_t i = 0; i < z.span().size(); ++i)
    sum += static_cast<double>(z.span()[i]) *
           (static_cast<double>(ahead.span()[i]) - static_cast<double>(behind.span()[i]));
  return sum / (2.0 * static_cast<double>(step));
}

TraceEstimate hessian_trace(const WeightGradient& gradient, const Variable& weight,
                            const Random& random, const TraceStop& stop) {
  TraceEstimate estimate;
  double squares = 0.0;  // of distances from the mean (Welford 1962)
  while (estimate.samples < stop.most) {
    const Tensor z =
        random_signs(weight.shape(), random.fork(static_cast<std::uint64_t>(estimate.samples)));
    const double value = curvature(gradient, weight, z);
    require(std::isfinite(value), "hessian_trace: expected finite samples, got {}", value);
    const double n = ++estimate.samples, distance = value - estimate.trace;
    estimate.trace += distance / n;
    squares += distance * (value - estimate.trace);
    if (n > 1.0) estimate.standard_error = std::sqrt(squares / (n - 1.0) / n);
    if (estimate.samples >= stop.least &&
        estimate.standard_error <= stop.relative_error * std::abs(estimate.trace))
      break;
  }
  return estimate;
}

}  // namespace quench::ptq
