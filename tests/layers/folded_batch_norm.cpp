#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <memory>

#include "autograd/arithmetic.h"
#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/reference.h"

namespace quench::layers {
namespace {

using quant::Granularity;
using quant::Mode;
using quant::Role;
using testing::make_quantizer;
using testing::random_tensor;
using testing::same_bits;

enum class Kind { conv, depthwise, linear };

/// A layer of three channels with a bias, then batch norm with an activation, all values drawn.
struct Block {
  Sequential network;
  std::shared_ptr<QuantizedLayer> layer;
  std::shared_ptr<BatchNorm> norm;

  explicit Block(Kind kind, Activation activation = Activation::relu) {
    Random random(3, "test");
    if (kind == Kind::linear) {
      layer = std::make_shared<Linear>(
          LinearOptions{.in_features = 5, .out_features = 3, .bias = true}, random);
    } else {
      const int groups = kind == Kind::depthwise ? 3 : 1;
      layer = std::make_shared<Conv2d>(
          Conv2dOptions{.in_channels = 3,
                        .out_channels = 3,
                        .params = {.padding = {1, 1, 1, 1}, .groups = groups},
                        .bias = true},
          random);
    }
    network.append("layer", layer);
    norm = network.append(
        "norm", std::make_shared<BatchNorm>(
                    3, BatchNormParams{.eps = 1e-3f, .momentum = 0.2f, .activation = activation}));
    std::uint64_t seed = 10;
    for (Parameter& parameter : network.parameters())
      parameter.value.mutable_value().copy_from(random_tensor(parameter.value.shape(), ++seed));
    norm->running_mean().copy_from(random_tensor({3}, 20));
    norm->running_var().copy_from(
        map(random_tensor({3}, 21), [](float v) { return 0.5f + v * v; }));
  }
};

Tensor input_for(Kind kind, std::uint64_t seed = 5) {
  return kind == Kind::linear ? random_tensor({7, 5}, seed) : random_tensor({2, 3, 5, 4}, seed);
}

void check_close(const Tensor& got, const Tensor& want, double tolerance) {
  REQUIRE(got.shape() == want.shape());
  const double size = 1.0 + static_cast<double>(max_abs(want));
  for (std::size_t i = 0; i < got.span().size(); ++i)
    CHECK(std::abs(got.span()[i] - want.span()[i]) < tolerance * size);
}

/// L = sum upstream * output: its gradient reaches every element with another weight.
void backward(const Variable& output, std::uint64_t seed) {
  const Variable weighted = multiply(output, Variable(random_tensor(output.shape(), seed)));
  struct Sum final : Node {
    Shape shape;
    explicit Sum(Shape shape_in) : shape(shape_in) {}
    std::string_view name() const override { return "sum"; }
    std::vector<Tensor> backward(const Tensor&) const override {
      return {Tensor::full(shape, 1.0f)};
    }
  };
  record<Sum>({weighted}, Tensor::scalar(static_cast<float>(sum(weighted.value()))),
              weighted.shape())
      .backward();
}

TEST_CASE("folded batch norm: without quantizers, training is batch norm's, gradients included") {
  for (const Kind kind : {Kind::conv, Kind::depthwise, Kind::linear}) {
    CAPTURE(static_cast<int>(kind));
    Block plain(kind), folded(kind);
    folded.layer->fold(*folded.norm);
    // The second batch meets statistics that the first has moved.
    for (const std::uint64_t seed : {5, 6}) {
      const Variable x(input_for(kind, seed), true), y(input_for(kind, seed), true);
      const Variable expected = plain.network(x), output = folded.network(y);
      check_close(output.value(), expected.value(), 1e-5);
      backward(expected, 7);
      backward(output, 7);
      check_close(y.grad(), x.grad(), 1e-5);
      for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(plain.network.parameters()[i].name);
        check_close(folded.network.parameters()[i].value.grad(),
                    plain.network.parameters()[i].value.grad(), 1e-5);
      }
      CHECK(same_bits(folded.norm->running_mean(), plain.norm->running_mean()));
      CHECK(same_bits(folded.norm->running_var(), plain.norm->running_var()));
    }
  }
}

TEST_CASE("folded batch norm: without quantizers, frozen and evaluation are batch norm's") {
  for (const Kind kind : {Kind::conv, Kind::depthwise, Kind::linear}) {
    CAPTURE(static_cast<int>(kind));
    Block plain(kind), folded(kind);
    folded.layer->fold(*folded.norm);
    plain.norm->set_training(false);
    folded.norm->set_training(false);
    const Tensor before = folded.norm->running_mean().clone();
    const Variable expected = plain.network(Variable(input_for(kind)));
    const Variable output = folded.network(Variable(input_for(kind)));
    check_close(output.value(), expected.value(), 1e-5);
    backward(expected, 7);
    backward(output, 7);
    for (std::size_t i = 0; i < 4; ++i) {
      check_close(folded.network.parameters()[i].value.grad(),
                  plain.network.parameters()[i].value.grad(), 1e-5);
    }
    CHECK(same_bits(folded.norm->running_mean(), before));
    folded.network.set_quantizer_mode(Mode::evaluation);
    check_close(folded.network(Variable(input_for(kind))).value(), expected.value(), 1e-5);
  }
}

/// Replaces a quantizer by a function with its true gradient, so that difference quotients can test
/// the code around it: Q(w) = w + 0.3 w^2.
class Bend final : public quant::Quantizer {
 public:
  Bend() : Quantizer({.role = Role::weight, .bits = 8, .slot = "test"}) {}
  quant::QuantGrid grid() const override { return quant::signed_narrow_grid(8); }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& w) override {
    return add(w, multiply_scalar(multiply(w, w), 0.3f));
  }
};

/// The form for training by its definition in double, on [7, 5] x [3, 5].
struct Reference {
  std::vector<double> x, w, b, gain, bias, var_running, upstream;

  double loss() const {
    double total = 0.0;
    for (std::size_t o = 0; o < 3; ++o) {
      const double sigma_running = std::sqrt(var_running[o] + 1e-3);
      std::array<double, 7> plain{}, product{};
      double mean = 0.0, variance = 0.0;
      for (std::size_t n = 0; n < 7; ++n) {
        plain[n] = b[o];
        for (std::size_t i = 0; i < 5; ++i) {
          const double folded = w[o * 5 + i] * gain[o] / sigma_running;
          plain[n] += x[n * 5 + i] * w[o * 5 + i];
          product[n] += x[n * 5 + i] * (folded + 0.3 * folded * folded);
        }
        mean += plain[n] / 7.0;
      }
      for (const double value : plain) variance += (value - mean) * (value - mean) / 7.0;
      const double sigma = std::sqrt(variance + 1e-3);
      for (std::size_t n = 0; n < 7; ++n) {
        total += upstream[n * 3 + o] *
                 (product[n] * sigma_running / sigma + bias[o] + gain[o] * (b[o] - mean) / sigma);
      }
    }
    return total;
  }
};

TEST_CASE("folded batch norm: gradients around a quantizer, against differences in double") {
  Block block(Kind::linear, Activation::none);
  block.layer->fold(*block.norm);
  block.layer->set_weight_quantizer(std::make_unique<Bend>());
  const Variable x(input_for(Kind::linear), true);
  const auto doubles = [](const Tensor& t) { return testing::converted<double>(t.to_row_major()); };
  Reference reference{doubles(x.value()),
                      doubles(block.layer->weight().value()),
                      doubles(block.layer->bias().value()),
                      doubles(block.norm->gain().value()),
                      doubles(block.norm->bias().value()),
                      doubles(block.norm->running_var()),
                      doubles(random_tensor({7, 3}, 7))};
  backward(block.network(x), 7);

  const auto check = [&](std::vector<double>& values, const Tensor& gradient) {
    const std::vector<float> got = gradient.to_row_major();
    REQUIRE(got.size() == values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = values[i], step = 1e-5;
      values[i] = value + step;
      const double above = reference.loss();
      values[i] = value - step;
      const double below = reference.loss();
      values[i] = value;
      CHECK(std::abs(got[i] - (above - below) / (2.0 * step)) < 2e-5);
    }
  };
  check(reference.x, x.grad());
  check(reference.w, block.layer->weight().grad());
  check(reference.b, block.layer->bias().grad());
  check(reference.gain, block.norm->gain().grad());
  check(reference.bias, block.norm->bias().grad());
}

/// The block with 4-bit quantizers in both slots, folded.
struct QuantizedBlock : Block {
  explicit QuantizedBlock(Kind kind) : Block(kind) {
    layer->fold(*norm);
    layer->set_input_quantizer(make_quantizer("ste", Role::activation, 4));
    layer->set_weight_quantizer(make_quantizer("ste", Role::weight, 4, Granularity::per_channel));
    layer->input_quantizer().observe(input_for(kind, 8));
  }

  /// relu(Q(x) Q(w gain / sigma) + folded bias), computed separately, as float tensors.
  Tensor expected(const Tensor& x) {
    const ChannelAffine affine = fold_batch_norm(norm->gain().value(), norm->bias().value(),
                                                 norm->running_mean(), norm->running_var(), 1e-3f);
    Tensor weight = layer->weight().value().clone();
    const auto slice = static_cast<std::size_t>(weight.numel() / 3);
    for (std::size_t i = 0; i < weight.span().size(); ++i)
      weight.span()[i] *= affine.scale.data()[i / slice];
    const auto weight_quantizer = make_quantizer("ste", Role::weight, 4, Granularity::per_channel);
    weight_quantizer->observe(weight);

    Random random(3, "test");
    Conv2d conv({.in_channels = 3, .out_channels = 3, .params = {.padding = {1, 1, 1, 1}}}, random);
    conv.parameters()[0].value.mutable_value().copy_from(
        quant::fake_quantize(weight, weight_quantizer->grid()));
    const Tensor product =
        conv(Variable(quant::fake_quantize(x, layer->input_quantizer().grid()))).value();
    const Tensor shift = add(affine.shift, multiply(affine.scale, layer->bias().value()));
    return map(add_per_channel(product, shift), [](float v) { return std::max(v, 0.0f); });
  }
};

TEST_CASE("folded batch norm: evaluation multiplies the codes of the folded weight") {
  QuantizedBlock block(Kind::conv);
  block.network.set_training(false);
  block.network.set_quantizer_mode(Mode::evaluation);
  const Tensor x = input_for(Kind::conv);
  check_close(block.network(Variable(x)).value(), block.expected(x), 1e-5);

  // The codes are kept from batch to batch: any change of the batch norm is noticed.
  block.norm->gain().mutable_value().copy_from(random_tensor({3}, 30));
  check_close(block.network(Variable(x)).value(), block.expected(x), 1e-5);
  block.norm->running_var().copy_from(Tensor::full({3}, 0.3f));
  check_close(block.network(Variable(x)).value(), block.expected(x), 1e-5);
}

TEST_CASE("folded batch norm: frozen training computes what evaluation does") {
  QuantizedBlock block(Kind::conv);
  block.norm->set_training(false);
  const Tensor x = input_for(Kind::conv, 8);  // the input's grid fits this
  const Tensor trained = block.network(Variable(x)).value();
  check_close(trained, block.expected(x), 1e-5);
}

TEST_CASE("folded batch norm: with bypassed quantizers, the network has its batch norm") {
  Block plain(Kind::conv);
  QuantizedBlock block(Kind::conv);
  block.network.set_quantizer_mode(Mode::bypass);
  const Variable x(input_for(Kind::conv));
  CHECK(same_bits(block.network(x).value(), plain.network(x).value()));
  CHECK(same_bits(block.norm->running_var(), plain.norm->running_var()));
}

TEST_CASE("folded batch norm: re-estimation uses the float weight") {
  QuantizedBlock block(Kind::conv);
  block.network.set_training(false);
  block.network.set_quantizer_mode(Mode::evaluation);
  block.norm->set_training(true);
  block.norm->set_momentum(1.0f);
  const Tensor x = input_for(Kind::conv);
  const Tensor output = block.network(Variable(x)).value();

  Block plain(Kind::conv);
  plain.norm->set_momentum(1.0f);
  plain.network(Variable(quant::fake_quantize(x, block.layer->input_quantizer().grid())));
  check_close(block.norm->running_mean(), plain.norm->running_mean(), 1e-6);
  check_close(block.norm->running_var(), plain.norm->running_var(), 1e-6);
  check_close(output, block.expected(x), 1e-5);
}

TEST_CASE("folded batch norm: other channels are rejected") {
  Block block(Kind::conv);
  BatchNorm other(4, {});
  CHECK_THROWS_WITH_AS(block.layer->fold(other),
                       "layer: expected a batch norm with 3 channels to fold, got 4",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
