#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "autograd/loss.h"
#include "autograd/nn.h"
#include "autograd/shape_ops.h"
#include "core/ops/elementwise.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/reference.h"
#include "quant/registry.h"

namespace quench::layers {
namespace {

using quant::Granularity;
using quant::Mode;
using quant::Role;
using quench::testing::make_quantizer;
using quench::testing::random_tensor;

std::unique_ptr<Conv2d> make_conv(std::int64_t in_channels) {
  Random random(3, "test");
  auto layer = std::make_unique<Conv2d>(Conv2dOptions{.in_channels = in_channels,
                                                      .out_channels = 6,
                                                      .kernel_size = {3, 3},
                                                      .params = {.padding = {1, 1, 1, 1}},
                                                      .bias = true},
                                        random);
  layer->parameters()[1].value.mutable_value().copy_from(random_tensor({6}, 4));
  layer->set_precision(Precision::bfloat16);
  return layer;
}

bool has(const quant::BitRange& range, int bits) { return bits >= range.min && bits <= range.max; }

quant::TrainingPlan plan() {
  return {.total_steps = 10, .steps_per_epoch = 5, .adaptive_optimizer = false, .seed = 1};
}

/// Whether training's values stay off the grid: blended or with noise.
bool off_grid(std::string_view method) {
  return method == "none" || method == "ab" || method == "ppq" || method == "noise";
}

std::unique_ptr<Conv2d> make_conv(const std::string& method, int bits) {
  auto layer = make_conv(20);
  layer->set_input_quantizer(make_quantizer(method, Role::activation, bits));
  layer->set_weight_quantizer(make_quantizer(method, Role::weight, bits));
  for (const auto& [slot, quantizer] : layer->quantizers()) quantizer->begin_training(plan());
  return layer;
}

/// 300 pixels, which integer kernels take.
Tensor make_input() { return random_tensor({10, 20, 6, 5}, 6); }

/// Calls check(method, bits) for every method and width, and returns how many there are.
template <typename Check>
int for_each_method(Check check) {
  int layers = 0;
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    if (!info.has(Role::weight) || !info.has(Role::activation) || off_grid(info.name)) continue;
    for (const int bits : {1, 2, 4, 8}) {
      if (!has(info.bits(Role::weight), bits) || !has(info.bits(Role::activation), bits)) continue;
      CAPTURE(info.name);
      CAPTURE(bits);
      check(info.name, bits);
      ++layers;
    }
  }
  return layers;
}

TEST_CASE("a training pass on codes gives the bits of evaluation, for every method and width") {
  const bool has_kernels = kernels::best_isa() != kernels::Isa::scalar;
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    for (const bool integer_forward : {true, false}) {
      const int layers = for_each_method([&](const std::string& method, int bits) {
        const auto layer = make_conv(method, bits);
        layer->set_precision(precision);
        layer->set_integer_forward(integer_forward);
        const Tensor trained = (*layer)(Variable(make_input(), true)).value();
        const bool by_kernel = integer_forward && has_kernels;
        const bool in_bfloat16 =
            !by_kernel && precision == Precision::bfloat16 && method != "lsq_plus";
        CHECK((layer->arithmetic() == "bfloat16") == in_bfloat16);
        CHECK((layer->arithmetic() == "float32") == (!by_kernel && !in_bfloat16));
        if (!by_kernel && !in_bfloat16) return;  // equal up to the rounding of sums
        layer->set_quantizer_mode(Mode::evaluation);
        CHECK(trained.to_row_major() == (*layer)(Variable(make_input())).value().to_row_major());
      });
      CHECK(layers >= 20);
    }
  }
}

TEST_CASE(
    "integer forward: backward has the bits of float32's operands, from a byte for each code") {
  for_each_method([](const std::string& method, int bits) {
    std::array<std::vector<float>, 2> of_input, of_weight;
    for (const std::size_t integer_forward : {0, 1}) {
      const auto layer = make_conv(method, bits);
      layer->set_precision(Precision::float32);
      layer->set_integer_forward(integer_forward == 1);
      const Variable x(make_input(), true);
      const Variable y = (*layer)(x);
      // The weighted sum of the outputs, whose gradient does not depend on their rounding.
      linear(reshape(y, {1, y.shape().numel()}), Variable(random_tensor({1, y.shape().numel()}, 8)),
             {})
          .backward();
      of_input[integer_forward] = x.grad().to_row_major();
      of_weight[integer_forward] = layer->weight().grad().to_row_major();
    }
    CHECK(of_input[0] == of_input[1]);
    CHECK(of_weight[0] == of_weight[1]);
  });
}

TEST_CASE("evaluation: a new weight quantizer, of the same unchanged weight, gets its own kernel") {
  const auto layer = make_conv("symmetric", 8), fresh = make_conv("symmetric", 8);
  const Tensor input = make_input();
  const auto evaluated = [&](Conv2d& conv) {
    conv.set_quantizer_mode(Mode::evaluation);
    return conv(Variable(input)).value().to_row_major();
  };
  (*layer)(Variable(input, true));
  (*fresh)(Variable(input, true));
  const std::vector<float> at_8_bits = evaluated(*layer);
  for (Conv2d* conv : {layer.get(), fresh.get()})
    conv->set_weight_quantizer(make_quantizer("symmetric", Role::weight, 2));
  CHECK(evaluated(*layer) != at_8_bits);
  CHECK(evaluated(*layer) == evaluated(*fresh));
}

TEST_CASE("alpha-blending multiplies float32 until alpha is 1, then codes") {
  const Tensor input = random_tensor({10, 20, 6, 5}, 6);
  // Two layers in step, because a forward pass updates the ranges of activations.
  std::array<std::unique_ptr<Conv2d>, 2> layers;
  for (auto& layer : layers) {
    layer = make_conv(20);
    layer->set_input_quantizer(make_quantizer("ab", Role::activation, 4));
    layer->set_weight_quantizer(make_quantizer("ab", Role::weight, 4));
    for (const auto& [slot, quantizer] : layer->quantizers()) quantizer->begin_training(plan());
  }
  layers[1]->set_precision(Precision::float32);
  const auto output = [&](Conv2d& layer) {
    return layer(Variable(input, true)).value().to_row_major();
  };
  for (std::int64_t step = 0; step < plan().total_steps; ++step) {
    CAPTURE(step);
    const std::vector<float> low = output(*layers[0]), full = output(*layers[1]);
    if (step < plan().total_steps / 2) CHECK(low == full);
    for (const auto& layer : layers)
      for (const auto& [slot, quantizer] : layer->quantizers()) quantizer->step(step);
  }
  const std::vector<float> trained = output(*layers[0]);
  layers[0]->set_quantizer_mode(Mode::evaluation);
  CHECK(trained == (*layers[0])(Variable(input)).value().to_row_major());
}

TEST_CASE("bfloat16: sums past 2^24 are rounded once, as in evaluation") {
  constexpr std::int64_t kFeatures = 9001;
  Random random(2, "test");
  Linear layer({.in_features = kFeatures, .out_features = 3}, random);
  layer.set_precision(Precision::bfloat16);
  layer.set_input_quantizer(make_quantizer("symmetric", Role::activation, 8));
  layer.set_weight_quantizer(make_quantizer("symmetric", Role::weight, 8));
  Tensor input({2, kFeatures});
  for (float& value : input.span()) value = std::abs(random.normal());
  Tensor weight = layer.weight().value();
  for (float& value : weight.span()) value = std::abs(value);
  weight.bump_version();
  const Tensor trained = layer(Variable(input, true)).value();
  layer.set_quantizer_mode(Mode::evaluation);
  CHECK(trained.to_row_major() == layer(Variable(input)).value().to_row_major());
}

TEST_CASE("bfloat16: one slot empty, or no gradient wanted, leaves float32") {
  const Tensor input = random_tensor({2, 20, 6, 5}, 6);
  const auto output = [&](Precision precision, bool weight_alone, bool recording) {
    const auto layer = make_conv(20);
    layer->set_precision(precision);
    if (weight_alone) layer->set_weight_quantizer(make_quantizer("ste", Role::weight, 4));
    if (recording) return (*layer)(Variable(input)).value().to_row_major();
    const NoGradGuard guard;
    return (*layer)(Variable(input)).value().to_row_major();
  };
  CHECK(output(Precision::bfloat16, true, true) == output(Precision::float32, true, true));
  CHECK(output(Precision::bfloat16, false, false) == output(Precision::float32, false, false));
  CHECK(output(Precision::bfloat16, false, true) != output(Precision::float32, false, true));
}

}  // namespace
}  // namespace quench::layers
