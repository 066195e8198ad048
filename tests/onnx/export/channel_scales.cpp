#include "onnx/export/channel_scales.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "deploy/interpreter/interpreter.h"
#include "layers/reference.h"
#include "onnx/export/code_ranges.h"

using namespace quench;
using namespace quench::deploy;
using namespace quench::onnx;

namespace {

constexpr float kInputScale = 0.02f;

quant::QuantGrid scaled(quant::QuantGrid grid, float scale) {
  grid.scale = {scale};
  return grid;
}

/// Images of two channels -> 1x1 convolution -> codes -> 1x1 convolution -> logits.
IntegerNetwork two_layers(quant::QuantGrid weight_grid, std::vector<std::int16_t> weight,
                          std::vector<float> bias, std::vector<Affine> steps) {
  IntegerNetwork network{.channels = 2, .height = 1, .width = 1};
  const auto channels = static_cast<std::int64_t>(weight.size() / 2);
  network.values = {{2, 1, 1, scaled(quant::unsigned_grid(8), kInputScale), {"conv.input"}},
                    {channels, 1, 1, scaled(quant::signed_narrow_grid(8), 0.5f), {"fc.input"}},
                    {1, 1, 1, std::nullopt, {"output"}}};
  Convolution conv{.out_channels = channels, .weight_grid = std::move(weight_grid)};
  conv.weight = std::move(weight);
  conv.bias = std::move(bias);
  Convolution fc{.out_channels = 1, .weight_grid = quant::signed_narrow_grid(8)};
  fc.weight.assign(static_cast<std::size_t>(channels), 1);
  network.operations = {{"images", Quantize{}, {}, {{{}, 0}}},
                        {"conv", conv, {0}, {{std::move(steps), 1}}},
                        {"fc", fc, {1}, {{{}, 2}}}};
  network.output = 2;
  return network;
}

const Convolution& conv_of(const IntegerNetwork& network) {
  return std::get<Convolution>(network.operations[1].kind);
}

float scale_of(const Convolution& conv, std::size_t channel) {
  return conv.weight_grid.scale[conv.weight_grid.axis == 0 ? channel : 0];
}

/// The output of the convolution and its first step for the codes `a` and 255 - `a`, in double precision.
double real(const IntegerNetwork& network, std::size_t channel, int a) {
  const Convolution& conv = conv_of(network);
  const double sum = conv.weight[2 * channel] * a + conv.weight[2 * channel + 1] * (255 - a);
  double x = sum * scale_of(conv, channel) * kInputScale;
  if (!conv.bias.empty()) x += conv.bias[channel];
  const std::vector<Affine>& steps = network.operations[1].outputs[0].steps;
  if (!steps.empty() && !steps[0].scale.empty())
    x = x * steps[0].scale[channel] + steps[0].shift[channel];
  return x;
}

}  // namespace

TEST_CASE("fold_steps: a batch norm is folded into scales and bias; codes stay, or change sign") {
  const Affine norm{{2.0f, -0.25f, 0.0f}, {1.0f, -3.0f, 7.0f}, Activation::relu};
  const IntegerNetwork network = two_layers(scaled(quant::signed_narrow_grid(8), 0.01f),
                                            {100, -7, 127, 3, 5, 6}, {0.5f, -1.0f, 2.0f}, {norm});
  IntegerNetwork folded = network;
  fold_steps(folded);
  check_network(folded);
  const Convolution& conv = conv_of(folded);
  CHECK(conv.weight == std::vector<std::int16_t>{100, -7, -127, -3, 0, 0});
  CHECK(conv.weight_grid.scale[0] == doctest::Approx(0.02));
  CHECK(conv.weight_grid.scale[1] == doctest::Approx(0.0025));
  CHECK(folded.operations[1].outputs[0].steps == std::vector{Affine{{}, {}, Activation::relu}});
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (const int a : {0, 13, 255})
      CHECK(real(folded, channel, a) == doctest::Approx(real(network, channel, a)));
}

TEST_CASE("fold_steps: several steps in a row; a new bias") {
  const Affine first{{3.0f, 0.5f}, {0.0f, 1.0f}, Activation::none};
  const Affine second{{-1.0f, 2.0f}, {0.25f, 0.0f}, Activation::none};
  IntegerNetwork network =
      two_layers(scaled(quant::signed_narrow_grid(4), 1.0f), {1, 2, 3, 4}, {}, {first, second});
  fold_steps(network);
  CHECK(network.operations[1].outputs[0].steps.empty());
  CHECK(conv_of(network).bias == std::vector{0.25f, 2.0f});
  CHECK(conv_of(network).weight == std::vector<std::int16_t>{-1, -2, 3, 4});
  CHECK(conv_of(network).weight_grid.scale == std::vector{3.0f, 1.0f});
}

TEST_CASE("fold_steps: if the smallest code has no negative, the zero point moves") {
  const Affine norm{{-1.0f}, {0.0f}, Activation::none};
  IntegerNetwork network =
      two_layers(scaled(quant::signed_full_grid(8), 1.0f), {-128, 5}, {}, {norm});
  fold_steps(network);
  check_network(network);
  CHECK(conv_of(network).weight == std::vector<std::int16_t>{128, -5});
  CHECK(conv_of(network).weight_grid.zero_point == std::vector{-1});
}

TEST_CASE("fold_steps: pooled values, and values read through two batch norms, stay") {
  const Affine norm{{2.0f}, {1.0f}, Activation::none};
  IntegerNetwork pooled = two_layers(scaled(quant::signed_full_grid(8), 1.0f), {3, 5}, {}, {norm});
  std::get<Convolution>(pooled.operations[1].kind).pool = Window2d{};
  IntegerNetwork network = pooled;
  fold_steps(network);
  CHECK(network == pooled);

  IntegerNetwork branches =
      two_layers(scaled(quant::signed_full_grid(8), 1.0f), {3, 5}, {}, {norm});
  branches.values.push_back(branches.values[1]);
  branches.operations[1].outputs.push_back({{}, 3});
  network = branches;
  fold_steps(network);
  CHECK(network == branches);
}

TEST_CASE("fit_biases: a bias beyond 32 bits of its sum raises only its channel's scale") {
  const IntegerNetwork network = two_layers(scaled(quant::signed_narrow_grid(8), 1e-9f),
                                            {100, -7, 127, 3}, {0.01f, -3.0f}, {});
  IntegerNetwork fitted = network;
  const auto raised = fit_biases(fitted);
  check_network(fitted);
  REQUIRE(raised.size() == 1);
  CHECK(raised[0].layer == "conv");
  CHECK(raised[0].channels == 1);
  const Convolution &before = conv_of(network), &conv = conv_of(fitted);
  CHECK(conv.bias == before.bias);
  CHECK(conv.weight[0] == 100);
  CHECK(conv.weight[1] == -7);
  CHECK(conv.weight_grid.scale[0] == 1e-9f);
  // In 32 bits, as in a runtime.
  const double unit = double{kInputScale} * scale_of(conv, 1);
  const std::int64_t sum = std::llround(conv.bias[1] / unit) - (127 + 3) * 255;
  CHECK(sum > std::numeric_limits<std::int32_t>::min());
  for (const int a : {0, 13, 255})
    CHECK(std::abs(real(fitted, 1, a) - real(network, 1, a)) <= 2 * std::ldexp(3.0, -23));
}

TEST_CASE("fit_biases: one bit and levels become integers between them") {
  IntegerNetwork network =
      two_layers(scaled(quant::binary_grid(), 1e-12f), {1, -1, -1, 1}, {5.0f, 0.0f}, {});
  CHECK(fit_biases(network).size() == 1);
  check_network(network);
  CHECK(conv_of(network).weight == std::vector<std::int16_t>{0, 0, -1, 1});
}

TEST_CASE("fit_biases: a unit too small for a float is raised; others do not change") {
  IntegerNetwork network =
      two_layers(scaled(quant::signed_narrow_grid(8), 1e-37f), {9, 9}, {0.0f}, {});
  CHECK(fit_biases(network).size() == 1);
  CHECK(std::isnormal(kInputScale * scale_of(conv_of(network), 0)));

  const IntegerNetwork ordinary =
      two_layers(scaled(quant::signed_narrow_grid(8), 0.01f), {9, 9, 9, 9}, {1.0f, -1.0f}, {});
  network = ordinary;
  CHECK(fit_biases(network).empty());
  CHECK(network == ordinary);
}

TEST_CASE(
    "code_ranges: the bounds of an activation are those of codes, also after rearrangements") {
  IntegerNetwork network = two_layers(scaled(quant::signed_narrow_grid(8), 0.01f), {9, 9}, {},
                                      {Affine{{}, {}, Activation::relu6}});
  network.values.push_back(network.values[1]);
  network.operations.insert(network.operations.begin() + 2, {"pool", MaxPool{}, {1}, {{{}, 3}}});
  network.operations[3].inputs = {3};
  for (const ValueId value : {1, 3}) {
    CHECK(code_ranges(network)[value].least == 0);
    CHECK(code_ranges(network)[value].most == 12);  // 6 / 0.5
  }
  CHECK(code_ranges(network)[0].most == 255);
  network.operations[1].outputs[0].steps = {Affine{{}, {}, Activation::hardtanh}};
  CHECK(code_ranges(network)[1].least == -2);
  network.operations[1].outputs[0].steps.clear();
  CHECK(code_ranges(network)[3].least == -127);
}

TEST_CASE("code_ranges: padding adds the code of 0") {
  IntegerNetwork network = two_layers(scaled(quant::signed_narrow_grid(8), 0.01f), {9, 9}, {},
                                      {Affine{{}, {}, Activation::relu}});
  network.values[1].grid->zero_point = {-50};
  network.values.push_back(network.values[1]);
  network.operations.insert(network.operations.begin() + 2, {"pad", ZeroPad{1, 0}, {1}, {{{}, 3}}});
  CHECK(code_ranges(network)[3].least == -50);
  CHECK(code_ranges(network)[3].most == 127);
}
