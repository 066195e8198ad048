#include "quant/gradient_quantizer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/parallel.h"
#include "quant/statistics/batch_statistics.h"
#include "support/error.h"

namespace quench::quant {
namespace {

void check_bits(int bits) {
  require(bits >= 1 && bits <= 8, "gradient quantizer: expected bits in 1..8, got {}", bits);
}

/// Ignores NaN, which stays NaN in its own element.
float max_abs(const float* values, std::int64_t count) {
  float largest = 0.0f;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

/// With the rounded code j, 2 m (j / L - 1/2) = m (2 j - L) / L, which is exactly +-m at the ends.
/// g / (2 m) is computed as half of g / m, because 2 m can overflow.
void quantize_sample(const float* grad, const float* noise, float* out, std::int64_t count,
                     float levels) {
  const float largest = max_abs(grad, count);
  if (largest == 0.0f) {
    std::copy_n(grad, count, out);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const float u = 0.5f * (grad[i] / largest) + 0.5f + noise[i] / levels;
    const float code = std::nearbyint(levels * std::clamp(u, 0.0f, 1.0f));
    out[i] = largest * ((2.0f * code - levels) / levels);
  }
}

struct QuantizeGradientNode final : Node {
  int bits;
  Random noise;

  QuantizeGradientNode(int bits_in, const Random& noise_in) : bits(bits_in), noise(noise_in) {}
  std::string_view name() const override { return "quantize_gradient"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    Tensor draws(grad_output.shape());
    Random stream = noise;
    stream.seek(static_cast<std::uint64_t>(BatchPlace(grad_output.numel()).first));
    stream.fill_uniform(draws.span());
    map_into(draws, draws, [](float v) { return v - 0.5f; });
    return {quantize_gradient(grad_output, draws, bits)};
  }
};

}  // namespace

Tensor quantize_gradient(const Tensor& grad, const Tensor& noise, int bits) {
  check_bits(bits);
  require(grad.rank() >= 1 && grad.shape() == noise.shape(),
          "quantize_gradient: expected a gradient [N, ...] and noise of its shape, got {} and {}",
          grad.shape().to_string(), noise.shape().to_string());
  const auto levels = static_cast<float>((1 << bits) - 1);
  const std::int64_t samples = grad.dim(0), size = samples == 0 ? 0 : grad.numel() / samples;
  Tensor result(grad.shape());
  parallel_for(samples, kParallelGrain / std::max<std::int64_t>(size, 1) + 1,
               [=, g = grad.data(), n = noise.data(), out = result.data()](std::int64_t begin,
                                                                           std::int64_t end) {
                 for (std::int64_t at = begin * size; at < end * size; at += size) {
                   quantize_sample(g + at, n + at, out + at, size, levels);
                 }
               });
  return result;
}

GradientQuantizer::GradientQuantizer(int bits, std::uint64_t seed, std::string_view layer)
    : bits_(bits), stream_(seed, "gradient_noise." + std::string(layer)), noise_(stream_.fork(0)) {
  check_bits(bits);
}

Variable GradientQuantizer::forward(const Variable& output) const {
  return record<QuantizeGradientNode>({output}, output.value(), bits_, noise_);
}

}  // namespace quench::quant
