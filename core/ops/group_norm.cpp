#include "core/ops/group_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// The layout of the groups in an image's memory, [pixels][channels].
struct Groups {
  std::int64_t images, pixels, channels, size;  // size: channels of a group

  Groups(const Tensor& x, const Tensor& gain, std::int64_t groups)
      : images(x.dim(0)), pixels(1), channels(x.dim(1)), size(0) {
    require((x.rank() == 2 || x.rank() == 4) && gain.shape() == Shape{channels},
            "group_norm: expected [N, C] or [N, C, H, W] and a gain [C], got {} and {}",
            x.shape().to_string(), gain.shape().to_string());
    require(groups >= 1 && channels % groups == 0,
            "group_norm: expected groups that divide {} channels, got {}", channels, groups);
    size = channels / groups;
    if (x.rank() == 4) pixels = x.dim(2) * x.dim(3);
  }

  /// Calls body(i, c) for each element of one group of one image: its index in memory and its
  /// channel.
  template <typename Body>
  void for_each(std::int64_t image, std::int64_t group, Body body) const {
    for (std::int64_t p = 0; p < pixels; ++p) {
      const std::int64_t pixel = (image * pixels + p) * channels;
      for (std::int64_t c = group * size; c < (group + 1) * size; ++c) body(pixel + c, c);
    }
  }
  /// Calls body(image, group) for all groups, in parallel.
  template <typename Body>
  void for_each_group(Body body) const {
    const std::int64_t groups = channels / size;
    parallel_for(images * groups, kParallelGrain / std::max<std::int64_t>(pixels * size, 1) + 1,
                 [=](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) body(i / groups, i % groups);
                 });
  }
  double count() const { return static_cast<double>(pixels * size); }
};

struct Statistics {
  double mean, inverse_deviation;
};

Statistics statistics(const Groups& groups, const float* x, std::int64_t image, std::int64_t group,
                      float eps) {
  double sum = 0.0, squares = 0.0;
  groups.for_each(image, group,
                  [&](std::int64_t i, std::int64_t) { sum += static_cast<double>(x[i]); });
  const double mean = sum / groups.count();
  groups.for_each(image, group, [&](std::int64_t i, std::int64_t) {
    const double distance = static_cast<double>(x[i]) - mean;
    squares += distance * distance;
  });
  return {mean, 1.0 / std::sqrt(squares / groups.count() + static_cast<double>(eps))};
}

}  // namespace

Tensor group_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, std::int64_t groups,
                  float eps) {
  const Groups all(x, gain, groups);
  require(bias.shape() == gain.shape(), "group_norm: expected a bias {}, got {}",
          gain.shape().to_string(), bias.shape().to_string());
  Tensor out(x.shape());
  const float *in = x.data(), *gains = gain.data(), *biases = bias.data();
  float* o = out.data();
  all.for_each_group([=, &all](std::int64_t image, std::int64_t group) {
    const Statistics s = statistics(all, in, image, group, eps);
    all.for_each(image, group, [&](std::int64_t i, std::int64_t c) {
      const double normalized = (static_cast<double>(in[i]) - s.mean) * s.inverse_deviation;
      o[i] = static_cast<float>(normalized) * gains[c] + biases[c];
    });
  });
  return out;
}

/// With n = (x - mean) / deviation and d = gain dy:
/// dx = (d - mean of d - n mean of d n) / deviation, dgain = sum of dy n, dbias = sum of dy.
GroupNormGradients group_norm_backward(const Tensor& grad_output, const Tensor& x,
                                       const Tensor& gain, std::int64_t groups, float eps) {
  const Groups all(x, gain, groups);
  require(grad_output.shape() == x.shape(), "group_norm: expected a gradient of shape {}, got {}",
          x.shape().to_string(), grad_output.shape().to_string());
  GroupNormGradients result{Tensor(x.shape()), Tensor(gain.shape()), Tensor(gain.shape())};
  const float *in = x.data(), *grad = grad_output.data(), *gains = gain.data();
  float* out = result.x.data();
  // Per image and channel, then added in image order.
  const std::int64_t channels = all.channels;
  std::vector<double> of_gain(static_cast<std::size_t>(all.images * channels)),
      of_bias(of_gain.size());
  all.for_each_group([=, &all, &of_gain, &of_bias](std::int64_t image, std::int64_t group) {
    const Statistics s = statistics(all, in, image, group, eps);
    const auto normalized = [&](std::int64_t i) {
      return (static_cast<double>(in[i]) - s.mean) * s.inverse_deviation;
    };
    double sum = 0.0, product = 0.0;
    all.for_each(image, group, [&](std::int64_t i, std::int64_t c) {
      const auto at = static_cast<std::size_t>(image * channels + c);
      const double dy = static_cast<double>(grad[i]), d = dy * static_cast<double>(gains[c]);
      sum += d;
      product += d * normalized(i);
      of_gain[at] += dy * normalized(i);
      of_bias[at] += dy;
    });
    all.for_each(image, group, [&](std::int64_t i, std::int64_t c) {
      const double d = static_cast<double>(grad[i]) * static_cast<double>(gains[c]);
      out[i] = static_cast<float>((d - sum / all.count() - normalized(i) * product / all.count()) *
                                  s.inverse_deviation);
    });
  });
  for (std::int64_t c = 0; c < channels; ++c) {
    double gain_sum = 0.0, bias_sum = 0.0;
    for (std::int64_t n = 0; n < all.images; ++n) {
      gain_sum += of_gain[static_cast<std::size_t>(n * channels + c)];
      bias_sum += of_bias[static_cast<std::size_t>(n * channels + c)];
    }
    result.gain.data()[c] = static_cast<float>(gain_sum);
    result.bias.data()[c] = static_cast<float>(bias_sum);
  }
  return result;
}

}  // namespace quench
