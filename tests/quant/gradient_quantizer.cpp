#include "quant/gradient_quantizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "autograd/node.h"
#include "core/parallel.h"

namespace quench::quant {
namespace {

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = random.normal();
  return out;
}

/// The gradient of the input for the gradient `upstream` of the output.
Tensor passed(const GradientQuantizer& quantizer, const Tensor& upstream) {
  struct Upstream final : Node {
    Tensor grad;
    explicit Upstream(Tensor grad_in) : grad(std::move(grad_in)) {}
    std::string_view name() const override { return "upstream"; }
    std::vector<Tensor> backward(const Tensor&) const override { return {grad}; }
  };
  const Variable x(Tensor::zeros(upstream.shape()), true);
  record<Upstream>({quantizer.forward(x)}, Tensor::scalar(0.0f), upstream).backward();
  return x.grad();
}

TEST_CASE("quantize_gradient: every sample has 2^bits levels between its own extremes") {
  const Tensor grad = random_tensor({3, 4, 5, 5}, 1);
  for (int bits = 1; bits <= 8; ++bits) {
    CAPTURE(bits);
    const Tensor y = quantize_gradient(grad, Tensor::zeros(grad.shape()), bits);
    const double levels = std::pow(2.0, bits) - 1.0;
    for (std::int64_t n = 0; n < 3; ++n) {
      const float *g = grad.data() + 100 * n, *q = y.data() + 100 * n;
      float largest = 0.0f;
      for (int i = 0; i < 100; ++i) largest = std::max(largest, std::abs(g[i]));
      for (int i = 0; i < 100; ++i) {
        const double level = (static_cast<double>(q[i]) / largest + 1.0) * levels / 2.0;
        CHECK(std::abs(level - std::round(level)) < 1e-4);
        CHECK(std::abs(q[i] - g[i]) <= largest / levels * 1.0001);
        if (std::abs(g[i]) == largest) CHECK(q[i] == g[i]);
      }
    }
  }
}

TEST_CASE("quantize_gradient: zeros stay zeros, NaN stays NaN, infinities do not become finite") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor grad =
      Tensor::from_row_major<float>({4, 2}, {0.0f, 0.0f, nan, 1.0f, nan, 0.0f, infinity, 1.0f});
  const Tensor y = quantize_gradient(grad, Tensor::zeros({4, 2}), 3);
  CHECK(y.data()[0] == 0.0f);
  CHECK(y.data()[1] == 0.0f);
  CHECK(std::isnan(y.data()[2]));
  CHECK(y.data()[3] == 1.0f);
  CHECK(std::isnan(y.data()[4]));
  CHECK_FALSE(std::isfinite(y.data()[6]));
}

TEST_CASE("gradient quantizer: does not change the output; the gradient is unbiased") {
  const Tensor upstream = random_tensor({2, 8}, 2);
  GradientQuantizer quantizer(2, 7, "conv1");
  const Variable x(random_tensor({2, 8}, 3), true);
  CHECK(quantizer.forward(x).value().shares_storage_with(x.value()));
  constexpr int kSteps = 4000;
  std::vector<double> sum(16);
  for (int step = 0; step < kSteps; ++step) {
    quantizer.set_step(step);
    const Tensor grad = passed(quantizer, upstream);
    for (std::size_t i = 0; i < 16; ++i) sum[i] += grad.span()[i];
  }
  for (std::int64_t i = 0; i < 16; ++i) {
    CAPTURE(i);
    float largest = 0.0f;
    for (std::int64_t k = 0; k < 8; ++k) {
      largest = std::max(largest, std::abs(upstream.data()[i / 8 * 8 + k]));
    }
    // A draw is off by half a step of 2 m / 3 at most in standard deviation.
    const double deviation = largest / 3.0 / std::sqrt(kSteps);
    CHECK(std::abs(sum[static_cast<std::size_t>(i)] / kSteps - upstream.data()[i]) <
          5.0 * deviation + 1e-6);
  }
}

TEST_CASE("gradient quantizer: its noise depends only on seed, layer and step") {
  const Tensor upstream = random_tensor({64, 2000}, 4);
  const auto bits_of = [&](std::uint64_t seed, const char* layer, std::int64_t step) {
    GradientQuantizer quantizer(4, seed, layer);
    quantizer.set_step(step);
    return passed(quantizer, upstream).to_row_major();
  };
  const std::vector<float> first = bits_of(1, "conv1", 5);
  const int threads_before = num_threads();
  set_num_threads(3);
  CHECK(bits_of(1, "conv1", 5) == first);
  set_num_threads(threads_before);
  CHECK(bits_of(2, "conv1", 5) != first);
  CHECK(bits_of(1, "conv2", 5) != first);
  CHECK(bits_of(1, "conv1", 6) != first);
}

TEST_CASE("gradient quantizer: bits out of range, noise of another shape") {
  const Tensor grad = Tensor::zeros({2, 3});
  for (const int bits : {0, 9}) {
    CHECK_THROWS_AS(quantize_gradient(grad, grad, bits), std::invalid_argument);
    CHECK_THROWS_AS(GradientQuantizer(bits, 1, "conv1"), std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(quantize_gradient(grad, Tensor::zeros({3, 2}), 4),
                       "quantize_gradient: expected a gradient [N, ...] and noise of its shape, "
                       "got [2, 3] and [3, 2]",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
