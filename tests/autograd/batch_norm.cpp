#include <cmath>

#include "autograd/gradient_check.h"
#include "autograd/norm.h"

using namespace quench;
using namespace quench::testing;

namespace {

constexpr Activation kAll[] = {Activation::none, Activation::relu, Activation::relu6,
                               Activation::hardtanh};

/// The gradient of the definition in double, with the mask of `activation` from the output.
struct Reference {
  std::vector<double> x, gain, bias;

  Reference(const Tensor& in, const Tensor& gain_in, const Tensor& bias_in, const Tensor& g,
            double eps, const ActivationRange& range) {
    const std::int64_t channels = in.dim(1), rows = in.numel() / channels;
    const auto count = static_cast<double>(rows);
    x.resize(static_cast<std::size_t>(in.numel()));
    for (std::int64_t c = 0; c < channels; ++c) {
      double mean = 0.0, var = 0.0, sum = 0.0, dot = 0.0;
      for (std::int64_t r = 0; r < rows; ++r) mean += in.data()[r * channels + c] / count;
      for (std::int64_t r = 0; r < rows; ++r)
        var += std::pow(in.data()[r * channels + c] - mean, 2) / count;
      const double inv = 1.0 / std::sqrt(var + eps), scale = inv * gain_in.data()[c];
      const auto hat = [&](std::int64_t r) { return (in.data()[r * channels + c] - mean) * inv; };
      const auto passed = [&](std::int64_t r) {
        const double z = hat(r) * gain_in.data()[c] + bias_in.data()[c];
        return z <= range.low || z >= range.high ? 0.0
                                                 : static_cast<double>(g.data()[r * channels + c]);
      };
      for (std::int64_t r = 0; r < rows; ++r) {
        sum += passed(r);
        dot += passed(r) * hat(r);
      }
      gain.push_back(dot);
      bias.push_back(sum);
      for (std::int64_t r = 0; r < rows; ++r) {
        x[static_cast<std::size_t>(r * channels + c)] =
            scale * (passed(r) - sum / count - hat(r) * dot / count);
      }
    }
  }
};

double largest_difference(const Tensor& actual, const std::vector<double>& expected) {
  REQUIRE(static_cast<std::size_t>(actual.numel()) == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference =
        std::abs(actual.span()[i] - expected[i]) / (1.0 + std::abs(expected[i]));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

DifferentiableFunction function(const BatchNormParams& params, bool training) {
  return [=](const std::vector<Variable>& in) {
    Tensor mean = Tensor::full({in[0].shape()[1]}, 0.3f),
           var = Tensor::full({in[0].shape()[1]}, 1.5f);
    const Variable none;
    return batch_norm(in[0], in.size() > 1 ? in[1] : none, in.size() > 2 ? in[2] : none, mean, var,
                      params, training);
  };
}

}  // namespace

TEST_CASE("batch_norm: training gradients match the definition in double") {
  for (const Shape& shape : {Shape{9, 5}, Shape{3, 17, 6, 5}, Shape{4, 64, 20, 20}}) {
    for (const Activation activation : kAll) {
      CAPTURE(shape.to_string());
      CAPTURE(to_string(activation));
      Tensor x = random_tensor(shape, 1, 2.0f);
      for (float& v : x.span()) v += 3.0f;
      const Tensor gain = random_tensor({shape[1]}, 2), bias = random_tensor({shape[1]}, 3);
      const Tensor weight = output_weights(shape);
      const std::vector<Tensor> grads = weighted_gradients(
          function({.eps = 1e-3f, .activation = activation}, true), {x, gain, bias}, weight);
      const Reference expected(x, gain, bias, weight, 1e-3f, range_of(activation));
      CHECK(largest_difference(grads[0], expected.x) < 5e-6);
      // Up to 1600 terms of size 1 that nearly cancel.
      CHECK(largest_difference(grads[1], expected.gain) < 2e-5);
      CHECK(largest_difference(grads[2], expected.bias) < 2e-5);
    }
  }
}

TEST_CASE("batch_norm: backward is the derivative, with batch and with frozen statistics") {
  const Tensor x = random_tensor({4, 3, 2, 2}, 4, 2.0f);
  const Tensor gain = random_tensor({3}, 5), bias = random_tensor({3}, 6);
  check_gradients(function({.eps = 1e-2f}, true), {x, gain, bias}, 1e-2, 1e-3);
  check_gradients(function({.eps = 1e-2f}, true), {x}, 1e-2, 1e-3);
  check_gradients(function({.eps = 1e-2f}, false), {x, gain, bias}, 0.1, 1e-5);
  check_gradients(function({.eps = 1e-2f}, false), {x}, 0.1, 1e-5);
}

TEST_CASE("batch_norm: with frozen statistics the activation's mask is applied") {
  const Tensor x = Tensor::from_row_major<float>({6, 1}, {-5, -0.9f, 0.05f, 0.6f, 4, 12});
  for (const Activation activation : kAll) {
    CAPTURE(to_string(activation));
    check_gradients(function({.activation = activation}, false), {x}, 0.02, 1e-4);
  }
}

TEST_CASE(
    "batch_norm: a parameter changed in place before backward is an error, not a wrong number") {
  Variable gain(Tensor::full({3}, 1.0f), true);
  Tensor mean = Tensor::zeros({3}), var = Tensor::full({3}, 1.0f);
  const Variable y = batch_norm(Variable(random_tensor({4, 3}, 7)), gain, {}, mean, var, {}, true);
  gain.mutable_value().bump_version();
  const Variable loss = record<WeightedSumNode>({y}, Tensor::scalar(0.0f), output_weights({4, 3}));
  CHECK_THROWS_AS(loss.backward(), std::logic_error);
}
