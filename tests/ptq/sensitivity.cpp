#include "ptq/search/sensitivity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "experiments/probe_quantizer.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/shape_layers.h"
#include "quant/registry.h"

namespace quench::ptq {
namespace {

Tensor matrix(std::int64_t rows, std::int64_t columns, const std::vector<float>& values) {
  return Tensor::from_row_major({rows, columns}, values);
}

TEST_CASE(
    "mean_kl and mean_cross_entropy: against hand-made probabilities, also far from each other") {
  const auto logits = [](double p) { return static_cast<float>(std::log(p)); };
  const Tensor reference = matrix(2, 2, {logits(0.5), logits(0.5), logits(0.9), logits(0.1)});
  const Tensor other = matrix(2, 2, {logits(0.25), logits(0.75), logits(0.9), logits(0.1)});
  const double kl = 0.5 * std::log(0.5 / 0.25) + 0.5 * std::log(0.5 / 0.75);
  CHECK(mean_kl(reference, other) == doctest::Approx(kl / 2.0).epsilon(1e-6));
  CHECK(mean_kl(reference, reference) == 0.0);
  CHECK(mean_kl(matrix(1, 2, {0.0f, 200.0f}), matrix(1, 2, {200.0f, 0.0f})) ==
        doctest::Approx(200.0));
  Tensor labels({2}, DType::s32);
  labels.span<std::int32_t>()[0] = 1;
  labels.span<std::int32_t>()[1] = 0;
  CHECK(mean_cross_entropy(other, labels) ==
        doctest::Approx(-(std::log(0.75) + std::log(0.9)) / 2.0).epsilon(1e-6));
}

/// Two classes from one pixel: logits (0.3 x, 1.4 x), which rounding makes (0, x).
struct TwoLogits {
  TwoLogits() {
    network.append("flatten", std::make_shared<layers::Flatten>());
    layer = network.append("fc", std::make_shared<layers::Linear>(
                                     layers::LinearOptions{.in_features = 1, .out_features = 2},
                                     matrix(2, 1, {0.3f, 1.4f})));
    layer->set_weight_quantizer(std::make_unique<experiments::Probe>(quant::Role::weight, false));
    datasets::Batch batch{.images = Tensor({2, 1, 1, 1}), .labels = Tensor({2}, DType::s32)};
    batch.images.span()[0] = 1.0f;
    batch.images.span()[1] = -2.0f;
    batch.labels.span<std::int32_t>()[0] = 0;
    batch.labels.span<std::int32_t>()[1] = 1;
    images.push_back(batch);
  }

  layers::Sequential network;
  std::shared_ptr<layers::Linear> layer;
  std::vector<datasets::Batch> images;
};

/// log(1 + exp(x)): the cross-entropy of two logits of which the wrong one is larger by x.
double softplus(double x) { return std::log1p(std::exp(x)); }

TEST_CASE("sensitivity: kl, loss and output noise of one layer against sums by hand") {
  TwoLogits net;
  const SensitivityProbe probe(net.network, net.images);
  // Differences of logits: 1.1 x as they are, x rounded.
  const double before = softplus(1.1) + softplus(2.2), after = softplus(1.0) + softplus(2.0);
  CHECK(probe.measure(*net.layer, {}, SensitivityMeasure::loss) ==
        doctest::Approx((after - before) / 2.0).epsilon(1e-5));
  const auto kl = [](double a, double b) {  // of the second class
    const double p = 1.0 / (1.0 + std::exp(-a)), q = 1.0 / (1.0 + std::exp(-b));
    return p * std::log(p / q) + (1.0 - p) * std::log((1.0 - p) / (1.0 - q));
  };
  CHECK(probe.measure(*net.layer, {}, SensitivityMeasure::kl) ==
        doctest::Approx((kl(1.1, 1.0) + kl(-2.2, -2.0)) / 2.0).epsilon(1e-4));
  // x squared is common to both.
  CHECK(probe.measure(*net.layer, {}, SensitivityMeasure::sqnr) ==
        doctest::Approx((0.3 * 0.3 + 0.4 * 0.4) / (0.3 * 0.3 + 1.4 * 1.4)).epsilon(1e-5));
  CHECK(weight_noise(*net.layer) == doctest::Approx(0.3 * 0.3 + 0.4 * 0.4).epsilon(1e-5));
  CHECK(probe.measure(*net.layer, {.weight = false, .input = false}, SensitivityMeasure::kl) ==
        0.0);
  CHECK(probe.measure_network(net.network, SensitivityMeasure::loss) ==
        doctest::Approx((after - before) / 2.0).epsilon(1e-5));
}

TEST_CASE("sensitivity: modes and weights are as before") {
  TwoLogits net;
  net.network.set_quantizer_mode(quant::Mode::training);
  const SensitivityProbe probe(net.network, net.images);
  probe.measure(*net.layer, {}, SensitivityMeasure::kl);
  const Random random(1, "signs");
  probe.trace(*net.layer, random);
  CHECK(net.layer->weight_quantizer().mode() == quant::Mode::training);
  CHECK(net.network.training());
  CHECK(net.layer->weight().value().to_row_major() == std::vector<float>{0.3f, 1.4f});
}

TEST_CASE("hessian trace: of a cross-entropy of two logits, p (1 - p) x^2 for each weight") {
  TwoLogits net;
  const SensitivityProbe probe(net.network, net.images);
  const auto variance = [](double logit) {
    const double p = 1.0 / (1.0 + std::exp(-logit));
    return p * (1.0 - p);
  };
  const double diagonal = (variance(1.1) * 1.0 + variance(2.2) * 4.0) / 2.0;
  // H = diagonal * ((1, -1), (-1, 1)), so a sample is 0 or 4 times the diagonal.
  const TraceEstimate estimate = probe.trace(*net.layer, Random(1, "signs"));
  CHECK(estimate.samples == 100);  // its error stays above 5 %
  CHECK(std::abs(estimate.trace - 2.0 * diagonal) < 4.0 * estimate.standard_error);
  CHECK(estimate.standard_error == doctest::Approx(2.0 * diagonal / std::sqrt(99.0)).epsilon(0.05));
}

TEST_CASE("hessian trace: a diagonal Hessian needs the least number of samples") {
  // The gradient of sum a_i w_i^2 / 2; z_i^2 = 1 makes every sample the trace.
  const Variable weight(matrix(1, 3, {1.0f, -2.0f, 0.5f}), true);
  const std::vector<float> a{1.0f, 4.0f, 0.25f};
  const auto gradient = [&] {
    Tensor g(weight.shape());
    for (std::size_t i = 0; i < 3; ++i) g.span()[i] = a[i] * weight.value().span()[i];
    return g;
  };
  const TraceEstimate estimate = hessian_trace(gradient, weight, Random(1, "signs"));
  CHECK(estimate.samples == 50);
  CHECK(estimate.trace == doctest::Approx(5.25).epsilon(1e-3));
  CHECK(weight.value().to_row_major() == std::vector<float>{1.0f, -2.0f, 0.5f});
  const auto broken = [&] {
    return Tensor::full(weight.shape(), std::numeric_limits<float>::quiet_NaN());
  };
  CHECK_THROWS_WITH_AS(hessian_trace(broken, weight, Random(1, "signs")),
                       "hessian_trace: expected finite samples, got nan", std::invalid_argument);
}

TEST_CASE("sensitivity: no images and unknown measures are errors") {
  TwoLogits net;
  CHECK_THROWS_WITH_AS(SensitivityProbe(net.network, {}),
                       "sensitivity: expected at least 1 image, got 0", std::invalid_argument);
  CHECK(sensitivity_measure("hessian") == SensitivityMeasure::hessian);
  CHECK(name_of(SensitivityMeasure::kl) == "kl");
  CHECK_THROWS_WITH_AS(sensitivity_measure("hesian"),
                       "sensitivity: unknown measure 'hesian'; did you mean "
                       "'hessian'? (accepted: kl, loss, sqnr, hessian)",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
