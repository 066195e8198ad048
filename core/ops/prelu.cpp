#include "core/ops/prelu.h"

#include <vector>

#include "core/ops/channel_loop.h"
#include "support/error.h"

namespace quench {
namespace {

void check(const Tensor& x, const Tensor& slope) {
  require((x.rank() == 2 || x.rank() == 4) && slope.shape() == Shape{x.dim(1)},
          "prelu: expected [N, C] or [N, C, H, W] and a slope [C], got {} and {}",
          x.shape().to_string(), slope.shape().to_string());
}

std::vector<float> line_of(const ChannelLoop& loop, const Tensor& slope) {
  return loop.line([&](std::int64_t c) { return slope.data()[c]; });
}

}  // namespace

Tensor prelu(const Tensor& x, const Tensor& slope) {
  check(x, slope);
  const ChannelLoop loop(x);
  const std::vector<float> line = line_of(loop, slope);
  Tensor out(x.shape());
  const float *in = x.data(), *slopes = line.data();
  float* o = out.data();
  loop.for_each(
      [=](std::int64_t i, std::int64_t c) { o[i] = in[i] > 0.0f ? in[i] : slopes[c] * in[i]; });
  return out;
}

PReluGradients prelu_backward(const Tensor& grad_output, const Tensor& x, const Tensor& slope) {
  check(x, slope);
  require(grad_output.shape() == x.shape(), "prelu: expected a gradient of shape {}, got {}",
          x.shape().to_string(), grad_output.shape().to_string());
  const ChannelLoop loop(x);
  const std::vector<float> line = line_of(loop, slope);
  PReluGradients result{Tensor(x.shape()), Tensor(slope.shape())};
  const float *in = x.data(), *grad = grad_output.data(), *slopes = line.data();
  float* out = result.x.data();
  loop.for_each([=](std::int64_t i, std::int64_t c) {
    out[i] = in[i] > 0.0f ? grad[i] : slopes[c] * grad[i];
  });
  const ChannelLoop::Sums sums = loop.sum(grad_output, [=](float g, std::int64_t i, std::int64_t) {
    return ChannelLoop::Terms{in[i] > 0.0f ? 0.0f : g * in[i], 0.0f};
  });
  for (std::size_t c = 0; c < sums.first.size(); ++c)
    result.slope.data()[c] = static_cast<float>(sums.first[c]);
  return result;
}

}  // namespace quench
