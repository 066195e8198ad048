#include "core/ops/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "core/communicator.h"
#include "core/element_source.h"
#include "core/ops/channel_loop.h"
#include "support/error.h"

namespace quench {
namespace {

void check_vector(const Tensor& vector, std::int64_t channels, std::string_view what,
                  const Tensor& x) {
  require(vector.shape() == Shape{channels},
          "batch_norm: expected {} of shape [{}] for input {}, got {}", what, channels,
          x.shape().to_string(), vector.shape().to_string());
}

void check(const Tensor& x, const Tensor& gain, const Tensor& bias, const Tensor& running_mean,
           const Tensor& running_var, const BatchNormParams& params) {
  require(x.rank() == 2 || x.rank() == 4,
          "batch_norm: expected input [N, C] or [N, C, H, W], got {}", x.shape().to_string());
  if (gain.defined()) check_vector(gain, x.dim(1), "gain", x);
  if (bias.defined()) check_vector(bias, x.dim(1), "bias", x);
  check_vector(running_mean, x.dim(1), "running_mean", x);
  check_vector(running_var, x.dim(1), "running_var", x);
  require(params.eps >= 0.0f, "batch_norm: expected eps >= 0, got {}", params.eps);
  require(params.momentum >= 0.0f && params.momentum <= 1.0f,
          "batch_norm: expected momentum in [0, 1], got {}", params.momentum);
}

void check_gradient(const Tensor& grad_output, const Tensor& x) {
  require(grad_output.shape() == x.shape(), "batch_norm: expected a gradient of shape {}, got {}",
          x.shape().to_string(), grad_output.shape().to_string());
}

float value_or(const Tensor& vector, std::int64_t c, float otherwise) {
  return vector.defined() ? vector.data()[c] : otherwise;
}

float inverse_std(double variance, float eps) {
  return static_cast<float>(1.0 / std::sqrt(variance + static_cast<double>(eps)));
}

/// The mean of a few rows spread over the tensor. Sums of x - pilot keep their precision where a
/// channel's mean is much larger than its deviation; E[x^2] - E[x]^2 would not. A constant channel
/// gets variance 0.
std::vector<float> pilot_means(const ChannelLoop& loop, const float* x) {
  constexpr std::int64_t kRows = 16;
  const std::int64_t count = std::min(loop.rows(), kRows);
  return loop.line([&](std::int64_t c) {
    double sum = 0.0;
    for (std::int64_t k = 0; k < count; ++k) {
      sum += static_cast<double>(x[loop.rows() * k / count * loop.channels() + c]);
    }
    return static_cast<float>(sum / static_cast<double>(count));
  });
}

struct Moments {
  std::vector<double> mean, variance;  // [C]; biased
};

/// Combines the moments of all ranks, whose batches have the same size. In double, the variance
/// stays accurate unless it is below 1e-13 of the squared mean.
void join_ranks(Moments& moments) {
  const int ranks = communicator().size();
  if (ranks == 1) return;
  std::vector<double> sums = moments.mean;
  for (std::size_t c = 0; c < moments.mean.size(); ++c)
    sums.push_back(moments.variance[c] + moments.mean[c] * moments.mean[c]);
  communicator().sum(sums);
  for (std::size_t c = 0; c < moments.mean.size(); ++c) {
    moments.mean[c] = sums[c] / ranks;
    const double variance =
        sums[moments.mean.size() + c] / ranks - moments.mean[c] * moments.mean[c];
    moments.variance[c] = variance < 0.0 ? 0.0 : variance;
  }
}

Moments moments_of(const ChannelLoop& loop, const Tensor& x, ChannelLoop::Extents* extents) {
  const std::vector<float> pilots = pilot_means(loop, x.data());
  ChannelLoop::Sums sums = loop.sum(
      x,
      [pilot = pilots.data()](float value, std::int64_t, std::int64_t c) {
        const float d = value - pilot[c];
        return ChannelLoop::Terms{d, d * d};
      },
      extents);
  const auto count = static_cast<double>(loop.rows());
  for (std::size_t c = 0; c < sums.first.size(); ++c) {
    const double mean = sums.first[c] / count;
    const double variance = sums.second[c] / count - mean * mean;
    sums.first[c] = static_cast<double>(pilots[c]) + mean;
    sums.second[c] = variance < 0.0 ? 0.0 : variance;  // rounding may go below 0; a NaN stays
  }
  return {std::move(sums.first), std::move(sums.second)};
}

/// running = (1 - momentum) * running + momentum * batch. A momentum of 1 discards even a NaN.
void update_running(Tensor& running, const std::vector<double>& batch, double factor,
                    float momentum) {
  const auto weight = static_cast<double>(momentum);
  for (std::size_t c = 0; c < batch.size(); ++c) {
    float& value = running.data()[c];
    const double kept = weight == 1.0 ? 0.0 : (1.0 - weight) * static_cast<double>(value);
    value = static_cast<float>(kept + weight * factor * batch[c]);
  }
  running.bump_version();
}

/// Lines for z = (x - mean) * scale + bias. Forward and backward compute z by the same three
/// operations, so that backward sees the mask that was applied. Folded into one multiply-add, z
/// would lose precision where |mean| is far above the deviation; and the loop is memory-bound
/// either way.
struct Normaliser {
  std::vector<float> mean, scale, bias;

  Normaliser(const ChannelLoop& loop, const BatchNormStatistics& statistics, const Tensor& gain,
             const Tensor& bias_in)
      : mean(loop.line([&](std::int64_t c) { return statistics.mean.data()[c]; })),
        scale(loop.line([&](std::int64_t c) {
          return statistics.inv_std.data()[c] * value_or(gain, c, 1.0f);
        })),
        bias(loop.line([&](std::int64_t c) { return value_or(bias_in, c, 0.0f); })) {}
};

/// The output of batch_norm_train() where it is read.
class Normalised final : public ElementSource {
 public:
  Normalised(Tensor x, ChannelLoop::Extents extents, const ChannelLoop& loop, Normaliser lines,
             Activation activation)
      : ElementSource("batch_norm"),
        x_(std::move(x)),
        extents_(std::move(extents)),
        loop_(loop),
        lines_(std::move(lines)),
        range_(range_of(activation)) {}

  void read(std::int64_t begin, std::int64_t end, float* to) const override {
    loop_.for_range(begin, end,
                    [=, in = x_.data(), mean = lines_.mean.data(), scale = lines_.scale.data(),
                     shift = lines_.bias.data(), range = range_](std::int64_t i, std::int64_t c) {
                      to[i - begin] = range.clamp((in[i] - mean[c]) * scale[c] + shift[c]);
                    });
  }

  /// Each operation is monotonic also when it rounds, so a channel's extent is that of its ends.
  std::optional<ElementExtent> extent() const override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    ElementExtent result{kInfinity, -kInfinity};
    for (std::size_t c = 0; c < extents_.least.size(); ++c) {
      for (const float x : {extents_.least[c], extents_.largest[c]}) {
        const float normalised = (x - lines_.mean[c]) * lines_.scale[c] + lines_.bias[c];
        if (!std::isfinite(normalised)) return std::nullopt;  // a NaN makes its mean NaN
        const float y = range_.clamp(normalised);
        result = {std::min(result.least, y), std::max(result.largest, y)};
      }
    }
    return result;
  }

 private:
  Tensor x_;
  ChannelLoop::Extents extents_;
  ChannelLoop loop_;
  Normaliser lines_;
  ActivationRange range_;
};

/// dL/dx of batch_norm_train() where it is read: scale * (g - mean(g) - xhat * mean(g * xhat)), xhat = (x - mean) *
/// inv_std, for the gradient g before the activation.
class NormalisedGradient final : public ElementSource {
 public:
  /// @param offset, slope  lines of mean(g) and inv_std * mean(g * xhat)
  NormalisedGradient(Tensor grad_output, const BatchNormInputs& inputs, const ChannelLoop& loop,
                     Normaliser lines, std::vector<float> offset, std::vector<float> slope)
      : ElementSource("batch_norm", ProfileScope::Pass::backward),
        grad_output_(std::move(grad_output)),
        x_(inputs.x),
        loop_(loop),
        lines_(std::move(lines)),
        offset_(std::move(offset)),
        slope_(std::move(slope)),
        range_(range_of(inputs.activation)) {}

  void read(std::int64_t begin, std::int64_t end, float* to) const override {
    alignas(64) float buffer[kPiece];
    const float* grad = grad_output_.read(begin, end, buffer);
    loop_.for_range(begin, end,
                    [=, x = x_.data(), mean = lines_.mean.data(), scale = lines_.scale.data(),
                     bias = lines_.bias.data(), offset = offset_.data(), slope = slope_.data(),
                     range = range_](std::int64_t i, std::int64_t c) {
                      const float centred = x[i] - mean[c];
                      const float passed =
                          range.gate(grad[i - begin], centred * scale[c] + bias[c]);
                      to[i - begin] = scale[c] * (passed - offset[c] - centred * slope[c]);
                    });
  }

 private:
  Tensor grad_output_, x_;
  ChannelLoop loop_;
  Normaliser lines_;
  std::vector<float> offset_, slope_;
  ActivationRange range_;
};

/// The sums per channel of g and of g * (x - mean), where g is the gradient after the activation.
ChannelLoop::Sums sum_gradients(const ChannelLoop& loop, const Normaliser& normaliser,
                                const Tensor& grad_output, const BatchNormInputs& inputs) {
  return loop.sum(grad_output,
                  [x = inputs.x.data(), mean = normaliser.mean.data(),
                   scale = normaliser.scale.data(), bias = normaliser.bias.data(),
                   range = range_of(inputs.activation)](float g, std::int64_t i, std::int64_t c) {
                    const float centred = x[i] - mean[c];
                    const float passed = range.gate(g, centred * scale[c] + bias[c]);
                    return ChannelLoop::Terms{passed, passed * centred};
                  });
}

BatchNormGradients channel_gradients(const ChannelLoop::Sums& sums,
                                     const BatchNormStatistics& statistics) {
  const Shape shape = statistics.mean.shape();
  BatchNormGradients grads{{}, Tensor(shape), Tensor(shape)};
  for (std::size_t c = 0; c < sums.first.size(); ++c) {
    const auto inv_std = static_cast<double>(statistics.inv_std.data()[c]);
    grads.gain.data()[c] = static_cast<float>(sums.second[c] * inv_std);
    grads.bias.data()[c] = static_cast<float>(sums.first[c]);
  }
  return grads;
}

/// @param extents  those of x, if not null
BatchNormStatistics statistics_of(const ChannelLoop& loop, const Tensor& x, Tensor& running_mean,
                                  Tensor& running_var, const BatchNormParams& params,
                                  ChannelLoop::Extents* extents) {
  const std::int64_t rows = whole_batch(loop.rows(), params.synchronized);
  require(rows > 1,
          "batch_norm: expected more than one value per channel in training, got {} (input {})",
          rows, x.shape().to_string());
  Moments moments = moments_of(loop, x, extents);
  if (params.synchronized) join_ranks(moments);
  const auto count = static_cast<double>(rows);
  update_running(running_mean, moments.mean, 1.0, params.momentum);
  update_running(running_var, moments.variance, count / (count - 1.0), params.momentum);

  BatchNormStatistics statistics{Tensor(Shape{x.dim(1)}), Tensor(Shape{x.dim(1)}),
                                 params.synchronized};
  for (std::size_t c = 0; c < moments.mean.size(); ++c) {
    statistics.mean.data()[c] = static_cast<float>(moments.mean[c]);
    statistics.inv_std.data()[c] = inverse_std(moments.variance[c], params.eps);
  }
  return statistics;
}

}  // namespace

BatchNormStatistics batch_norm_statistics(const Tensor& x, Tensor& running_mean,
                                          Tensor& running_var, const BatchNormParams& params) {
  check(x, {}, {}, running_mean, running_var, params);
  return statistics_of(ChannelLoop(x), x, running_mean, running_var, params, nullptr);
}

BatchNormResult batch_norm_train(const Tensor& x, const Tensor& gain, const Tensor& bias,
                                 Tensor& running_mean, Tensor& running_var,
                                 const BatchNormParams& params) {
  check(x, gain, bias, running_mean, running_var, params);
  const ChannelLoop loop(x);
  ChannelLoop::Extents extents;
  BatchNormStatistics statistics =
      statistics_of(loop, x, running_mean, running_var, params, &extents);
  Normaliser lines(loop, statistics, gain, bias);
  Tensor output = Tensor::deferred(
      x.shape(), std::make_unique<Normalised>(x, std::move(extents), loop, std::move(lines),
                                              params.activation));
  return {std::move(output), std::move(statistics)};
}

ChannelAffine fold_batch_norm(const Tensor& gain, const Tensor& bias, const Tensor& running_mean,
                              const Tensor& running_var, float eps) {
  ChannelAffine folded{Tensor(running_mean.shape()), Tensor(running_mean.shape())};
  for (std::int64_t c = 0; c < running_mean.numel(); ++c) {
    const double scale =
        static_cast<double>(value_or(gain, c, 1.0f)) /
        std::sqrt(static_cast<double>(running_var.data()[c]) + static_cast<double>(eps));
    folded.scale.data()[c] = static_cast<float>(scale);
    folded.shift.data()[c] =
        static_cast<float>(static_cast<double>(value_or(bias, c, 0.0f)) -
                           static_cast<double>(running_mean.data()[c]) * scale);
  }
  return folded;
}

Tensor batch_norm_infer(const Tensor& x, const Tensor& gain, const Tensor& bias,
                        const Tensor& running_mean, const Tensor& running_var,
                        const BatchNormParams& params) {
  check(x, gain, bias, running_mean, running_var, params);
  const ChannelLoop loop(x);
  const ChannelAffine folded = fold_batch_norm(gain, bias, running_mean, running_var, params.eps);
  const std::vector<float> scales =
      loop.line([&](std::int64_t c) { return folded.scale.data()[c]; });
  const std::vector<float> shifts =
      loop.line([&](std::int64_t c) { return folded.shift.data()[c]; });
  Tensor output(x.shape());
  loop.for_each([in = x.data(), out = output.data(), scale = scales.data(), shift = shifts.data(),
                 range = range_of(params.activation)](std::int64_t i, std::int64_t c) {
    out[i] = range.clamp(in[i] * scale[c] + shift[c]);
  });
  return output;
}

BatchNormStatistics frozen_statistics(const Tensor& running_mean, const Tensor& running_var,
                                      float eps) {
  BatchNormStatistics statistics{running_mean.clone(), Tensor(running_var.shape())};
  for (std::int64_t c = 0; c < running_var.numel(); ++c) {
    statistics.inv_std.data()[c] = inverse_std(static_cast<double>(running_var.data()[c]), eps);
  }
  return statistics;
}

BatchNormGradients batch_norm_train_backward(const Tensor& grad_output,
                                             const BatchNormInputs& inputs) {
  check_gradient(grad_output, inputs.x);
  const ChannelLoop loop(inputs.x);
  Normaliser lines(loop, inputs.statistics, inputs.gain, inputs.bias);
  ChannelLoop::Sums sums = sum_gradients(loop, lines, grad_output, inputs);
  BatchNormGradients grads = channel_gradients(sums, inputs.statistics);
  if (inputs.statistics.synchronized) sums.join_ranks();

  const auto count = static_cast<double>(whole_batch(loop.rows(), inputs.statistics.synchronized));
  std::vector<float> offsets = loop.line([&](std::int64_t c) {
    return static_cast<float>(sums.first[static_cast<std::size_t>(c)] / count);
  });
  std::vector<float> slopes = loop.line([&](std::int64_t c) {
    const auto inv_std = static_cast<double>(inputs.statistics.inv_std.data()[c]);
    return static_cast<float>(sums.second[static_cast<std::size_t>(c)] * inv_std * inv_std / count);
  });
  grads.x = Tensor::deferred(inputs.x.shape(), std::make_unique<NormalisedGradient>(
                                                   grad_output, inputs, loop, std::move(lines),
                                                   std::move(offsets), std::move(slopes)));
  return grads;
}

BatchNormGradients batch_norm_infer_backward(const Tensor& grad_output,
                                             const BatchNormInputs& inputs) {
  check_gradient(grad_output, inputs.x);
  const ChannelLoop loop(inputs.x);
  const Normaliser lines(loop, inputs.statistics, inputs.gain, inputs.bias);
  BatchNormGradients grads =
      channel_gradients(sum_gradients(loop, lines, grad_output, inputs), inputs.statistics);
  grads.x = Tensor(inputs.x.shape());
  loop.for_each([g = grad_output.data(), x = inputs.x.data(), out = grads.x.data(),
                 mean = lines.mean.data(), scale = lines.scale.data(), bias = lines.bias.data(),
                 range = range_of(inputs.activation)](std::int64_t i, std::int64_t c) {
    out[i] = scale[c] * range.gate(g[i], (x[i] - mean[c]) * scale[c] + bias[c]);
  });
  return grads;
}

}  // namespace quench
