#include <algorithm>
#include <cmath>
#include <memory>

#include "autograd/product.h"
#include "core/half.h"
#include "core/ops/bfloat16.h"
#include "quant/grid.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

std::vector<double> rounded(const std::vector<double>& values) {
  std::vector<double> result;
  for (const double value : values)
    result.push_back(from_bfloat(to_bfloat(static_cast<float>(value)).bits));
  return result;
}

void bf16_round(const Case& c, Comparison& compare) {
  compare.exact("y", rounded(numbers(c.inputs.at("x"))), c.expect.at("y"));
}

void max_terms(const Case& c, Comparison& compare) {
  const int bits = c.params.at("activation_bits");
  const quant::QuantGrid activation = c.params.at("activation_signed").get<bool>()
                                          ? quant::signed_full_grid(bits)
                                          : quant::unsigned_grid(bits);
  const quant::QuantGrid weight = quant::signed_narrow_grid(c.params.at("weight_bits"));
  const std::int64_t product = quant::largest_code(activation) * quant::largest_code(weight);
  compare.exact("max_product", {static_cast<double>(product)}, c.expect.at("max_product"));
  compare.exact("terms_f32", {std::floor(16777216.0 / static_cast<double>(product))},
                c.expect.at("terms_f32"));
}

Tensor scaled(const Tensor& codes, std::span<const float> scale) {
  Tensor values(codes.shape());
  const std::int64_t slice = codes.numel() / static_cast<std::int64_t>(scale.size());
  for (std::int64_t i = 0; i < codes.numel(); ++i)
    values.data()[i] = scale[static_cast<std::size_t>(i / slice)] * codes.data()[i];
  return values;
}

/// Codes on the narrowest grid that holds them.
ProductOperands operands(const Tensor& input, float input_scale, const Tensor& weight,
                         std::vector<float> weight_scale) {
  const auto [low, high] = std::ranges::minmax(input.span());
  const ByteGrid grid{.scale = input_scale,
                      .low = std::min(static_cast<int>(std::lround(low / input_scale)), 0),
                      .high = std::max(static_cast<int>(std::lround(high / input_scale)), 0)};
  const std::vector<std::int16_t> integers = integer_weights(weight, weight_scale).value();
  return {.input = to_bytes(input, grid).value(),
          .grid = grid,
          .weight = integers_to_bfloat16(integers, weight.shape()),
          .weight_scale = std::move(weight_scale)};
}

/// The same products by an integer kernel.
ProductOperands on_kernel(ProductOperands operands, const Tensor& weight) {
  kernels::ConvProblem problem{
      .channels = weight.dim(1), .height = 1, .width = 1, .out_channels = weight.dim(0)};
  problem.weight = integer_weights(weight, operands.weight_scale).value();
  problem.input_max = operands.grid.largest();
  problem.zero_code = operands.grid.zero();
  operands.kernel = std::make_shared<kernels::BatchConv>(std::move(problem), operands.input.dim(0));
  return operands;
}

std::vector<float> floats(const Json& value) {
  std::vector<float> result;
  for (const double number : numbers(value)) result.push_back(static_cast<float>(number));
  return result;
}

void dot(const Case& c, Comparison& compare) {
  const Tensor a = tensor(c.inputs.at("a")), w = tensor(c.inputs.at("w"));
  const float scale_a = c.params.at("scale_a");
  const std::vector<float> scale_w = floats(c.params.at("scale_w"));
  const Tensor input = scaled(a, {&scale_a, 1}), weight = scaled(w, scale_w);
  const ProductOperands of_codes = operands(a, 1.0f, w, {1.0f});
  const ProductOperands of_values = operands(input, scale_a, weight, scale_w);
  for (const auto& o : {of_codes, on_kernel(of_codes, w)})
    compare.exact("acc", linear(Variable(a), Variable(w), {}, o).value(), c.expect.at("acc"));
  for (const auto& o : {of_values, on_kernel(of_values, weight)})
    compare.exact("y_codes", linear(Variable(input), Variable(weight), {}, o).value(),
                  c.expect.at("y_codes"));
}

void wide_sum(const Case& c, Comparison& compare) {
  const Tensor a = tensor(c.inputs.at("a")), w = tensor(c.inputs.at("w"));
  const Tensor input = a.reshape({1, a.numel()}), weight = w.reshape({1, w.numel()});
  ProductOperands halves = operands(input, 1.0f, weight, {1.0f});
  halves.wide_sums = true;
  for (const auto& o : {halves, on_kernel(halves, weight)})
    compare.exact("f32_of_exact", linear(Variable(input), Variable(weight), {}, o).value(),
                  c.expect.at("f32_of_exact"));
}

void weight_gradient(const Case& c, Comparison& compare) {
  const Tensor a = tensor(c.inputs.at("a")), upstream = tensor(c.inputs.at("upstream"));
  compare.exact("upstream_bf16", to_float32(to_bfloat16(upstream)), c.expect.at("upstream_bf16"));
  const float scale_a = c.params.at("scale_a");
  const Tensor input = scaled(a, {&scale_a, 1});
  const Variable weight(Tensor::zeros({upstream.dim(1), a.dim(1)}), true);
  const Variable y =
      linear(Variable(input), weight, {}, operands(input, scale_a, weight.value(), {1.0f}));
  backward(y, upstream);
  compare.f32("grad_w_bf16", vectors::gradient(weight), c.expect.at("grad_w_bf16"));
}

void xnor(const Case& c, Comparison& compare) {
  const Tensor a = tensor(c.inputs.at("a")), w = tensor(c.inputs.at("w"));
  const std::vector<float> alpha = floats(c.inputs.at("alpha"));
  const Tensor weight = scaled(w, alpha);
  const ProductOperands of_codes = operands(a, 1.0f, w, {1.0f});
  const ProductOperands of_values = operands(a, 1.0f, weight, alpha);
  for (const auto& o : {of_codes, on_kernel(of_codes, w)})
    compare.exact("dot", linear(Variable(a), Variable(w), {}, o).value(), c.expect.at("dot"));
  for (const auto& o : {of_values, on_kernel(of_values, weight)})
    compare.f32("y", linear(Variable(a), Variable(weight), {}, o).value(), c.expect.at("y"));
}

void update(const Case& c, Comparison& compare) {
  std::vector<double> weights;
  double weight = c.params.at("w0");
  for (const double delta : numbers(c.inputs.at("delta"))) {
    weight = rounded({weight + delta}).front();
    weights.push_back(weight);
  }
  compare.exact("w_bf16", weights, c.expect.at("w_bf16"));
}

void range(const Case& c, Comparison& compare) {
  compare.exact("bf16", rounded(numbers(c.inputs.at("g"))), c.expect.at("bf16"));
}

}  // namespace

std::span<const Operation> int_exact_operations() {
  static constexpr Operation kOperations[] = {
      {"bf16.round", bf16_round},     {"bf16.integers", bf16_round},
      {"exact.max_terms", max_terms}, {"exact.dot", dot},
      {"exact.f32_order", wide_sum},  {"exact.gradient", weight_gradient},
      {"exact.xnor", xnor},           {"exact.update", update},
      {"exact.range", range},
  };
  return kOperations;
}

}  // namespace quench::vectors
