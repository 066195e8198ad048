#include "ptq/reconstruction/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "quant/code.h"

namespace quench::ptq {
namespace {

/// out[i] = f(i, scale of its channel, range of its channel)
template <typename F>
Tensor map_on_grid(const Tensor& like, const quant::QuantGrid& grid, F f) {
  Tensor out(like.shape());
  float* to = out.data();
  quant::for_each_channel(like, grid.scale.size(),
                          [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
                            const float scale = grid.scale[channel];
                            const quant::CodeRange range = quant::centered_range(grid, channel);
                            for (std::int64_t i = begin; i < end; ++i) to[i] = f(i, scale, range);
                          });
  return out;
}

float clipped(float code, quant::CodeRange range) {
  return std::clamp(code, range.low, range.high);
}

}  // namespace

std::optional<double> RoundingSchedule::beta(std::int64_t iteration) const {
  const auto total = static_cast<double>(iterations), t = static_cast<double>(iteration);
  const double begin = warm_up * total;
  if (t < begin) return std::nullopt;
  const double left = std::max(1.0 - (t - begin) / (total - begin), 0.0);
  const double share = cosine ? 0.5 * (1.0 - std::cos(std::numbers::pi * left)) : left;
  return beta_end + (beta_start - beta_end) * share;
}

SoftStep rectified_sigmoid(float v) {
  constexpr float kZeta = 1.1f, kGamma = -0.1f;
  const float sigmoid = 1.0f / (1.0f + std::exp(-v));
  const float stretched = (kZeta - kGamma) * sigmoid + kGamma;
  if (stretched <= 0.0f) return {0.0f, 0.0f};
  if (stretched >= 1.0f) return {1.0f, 0.0f};
  return {stretched, (kZeta - kGamma) * sigmoid * (1.0f - sigmoid)};
}

double rounding_loss(const Tensor& v, double lambda, double beta) {
  return lambda * sum(map(v, [beta](float x) {
           const double distance = std::abs(2.0 * double{rectified_sigmoid(x).h} - 1.0);
           return static_cast<float>(1.0 - std::pow(distance, beta));
         }));
}

Tensor rounding_gradient(const Tensor& v, double lambda, double beta) {
  const auto factor = static_cast<float>(-2.0 * lambda * beta);
  const auto exponent = static_cast<float>(beta - 1.0);
  return map(v, [=](float x) {
    const SoftStep step = rectified_sigmoid(x);
    const float side = 2.0f * step.h - 1.0f;
    return std::copysign(std::pow(std::abs(side), exponent), side) * factor * step.slope;
  });
}

SoftRounding::SoftRounding(const Tensor& weight, const quant::QuantGrid& grid,
                           const Options& options)
    : grid_(grid), options_(options), adam_(weight.shape()) {
  const float* w = weight.data();
  floor_ = map_on_grid(weight, grid_, [w](std::int64_t i, float scale, quant::CodeRange) {
    return std::floor(w[i] / scale);
  });
  const float* floors = floor_.data();
  v_ = map_on_grid(weight, grid_, [=](std::int64_t i, float scale, quant::CodeRange) {
    const double fraction = double{w[i]} / double{scale} - double{floors[i]};
    return static_cast<float>(-std::log(1.2 / (fraction + 0.1) - 1.0));
  });
}

Tensor SoftRounding::weight() const {
  const float *floors = floor_.data(), *v = v_.data();
  return map_on_grid(v_, grid_, [=](std::int64_t i, float scale, quant::CodeRange range) {
    return scale * clipped(floors[i] + rectified_sigmoid(v[i]).h, range);
  });
}

Tensor SoftRounding::gradient(const Tensor& grad) const {
  const float *floors = floor_.data(), *v = v_.data(), *g = grad.data();
  return map_on_grid(v_, grid_, [=](std::int64_t i, float scale, quant::CodeRange range) {
    const SoftStep step = rectified_sigmoid(v[i]);
    const float code = floors[i] + step.h;
    return code >= range.low && code <= range.high ? g[i] * scale * step.slope : 0.0f;
  });
}

void SoftRounding::step(std::int64_t iteration, double /*loss*/, const Tensor& grad) {
  Tensor total = gradient(grad);
  if (const auto beta = options_.schedule.beta(iteration))
    total = add(total, rounding_gradient(v_, options_.regularization, *beta));
  adam_.step(v_, total, options_.lr);
}

Tensor SoftRounding::codes() const {
  const float *floors = floor_.data(), *v = v_.data();
  return map_on_grid(v_, grid_, [=](std::int64_t i, float, quant::CodeRange range) {
    return clipped(floors[i] + (v[i] >= 0.0f ? 1.0f : 0.0f), range) + 0.0f;
  });
}

OffsetRounding::OffsetRounding(const Tensor& weight, const quant::QuantGrid& grid,
                               const Options& options)
    : weight_(weight),
      grid_(grid),
      options_(options),
      offset_(Tensor::zeros(weight.shape())),
      best_(quant::centered_codes(weight, grid)),
      least_loss_(std::numeric_limits<double>::infinity()) {}

Tensor OffsetRounding::current_codes() const {
  const float *w = weight_.data(), *o = offset_.data();
  return map_on_grid(weight_, grid_, [=](std::int64_t i, float scale, quant::CodeRange range) {
    return clipped(std::nearbyint(w[i] / scale + std::clamp(o[i], -0.5f, 0.5f)), range) + 0.0f;
  });
}

Tensor OffsetRounding::gradient(const Tensor& grad) const {
  const float *w = weight_.data(), *o = offset_.data(), *g = grad.data();
  return map_on_grid(weight_, grid_, [=](std::int64_t i, float scale, quant::CodeRange range) {
    const float code = std::nearbyint(w[i] / scale + std::clamp(o[i], -0.5f, 0.5f));
    const bool passes = code >= range.low && code <= range.high && o[i] >= -0.5f && o[i] <= 0.5f;
    return passes ? g[i] * scale : 0.0f;
  });
}

void OffsetRounding::step(std::int64_t iteration, double loss, const Tensor& grad) {
  if (loss < least_loss_) {
    least_loss_ = loss;
    best_ = current_codes();
  }
  const double left =
      1.0 - static_cast<double>(iteration - 1) / static_cast<double>(options_.iterations);
  const auto rate = static_cast<float>(options_.lr * left);
  offset_ = zip(offset_, gradient(grad), [rate](float o, float g) {
    return o - (g > 0.0f ? rate : (g < 0.0f ? -rate : 0.0f));
  });
}

}  // namespace quench::ptq
