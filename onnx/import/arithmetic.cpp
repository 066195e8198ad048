// Sums and products: Add, Sub, Mul, Div.

#include "layers/arithmetic.h"

#include <algorithm>
#include <utility>

#include "onnx/import/constants.h"
#include "onnx/import/fusion.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

/// Which of the two inputs is the activation beside a constant.
std::size_t activation_input(const Builder& builder, const OnnxNode& node) {
  return builder.is_constant(node, 0) ? 1 : 0;
}

bool has_constant(const Builder& builder, const OnnxNode& node) {
  return builder.is_constant(node, 0) || builder.is_constant(node, 1);
}

/// What a function of the constant's numbers makes of them.
template <typename Function>
Tensor numbers(const Builder& builder, const OnnxNode& node, const Value& input,
               Function function) {
  const std::size_t other = 1 - activation_input(builder, node);
  std::vector<float> values = per_channel(builder.constant(node, other), input);
  std::ranges::transform(values, values.begin(), function);
  return to_tensor(values);
}

float same(float x) { return x; }
float negative(float x) { return -x; }
float inverse(float x) {
  require(x != 0.0f, "expected divisors other than 0");
  return 1.0f / x;
}

std::pair<Value, Value> activations(Builder& builder, const OnnxNode& node) {
  const Value a = builder.activation(node, 0), b = builder.activation(node, 1);
  require(a.layout == b.layout && same_order(a, b),
          "expected two inputs with their channels in one order, got {} and {}", a.text(),
          b.text());
  return {a, b};
}

/// Whether `b` has one number for each map of `a`.
bool per_map(const Value& a, const Value& b) {
  return !a.flat() && a.channels == b.channels && b.height == 1 && b.width == 1;
}

void append_shift(Builder& builder, const OnnxNode& node, float (*function)(float)) {
  const Value input = builder.activation(node, activation_input(builder, node));
  builder.append(node,
                 std::make_shared<ScaleShift>(Tensor{}, numbers(builder, node, input, function)),
                 {input}, input);
}

void append_scale(Builder& builder, const OnnxNode& node, float (*function)(float)) {
  const Value input = builder.activation(node, activation_input(builder, node));
  builder.append(node,
                 std::make_shared<ScaleShift>(numbers(builder, node, input, function), Tensor{}),
                 {input}, input);
}

}  // namespace

void build_add(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  if (has_constant(builder, node)) return append_shift(builder, node, same);
  const auto [a, b] = activations(builder, node);
  require(a.dims() == b.dims(), "expected two inputs of one shape, got {} and {}", a.text(),
          b.text());
  builder.append(node, std::make_shared<Add>(take_activation(builder, node)), {a, b}, a);
}

void build_sub(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  require(builder.is_constant(node, 1), "expected a constant to subtract, got an activation");
  append_shift(builder, node, negative);
}

void build_mul(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  if (has_constant(builder, node)) return append_scale(builder, node, same);
  const auto [a, b] = activations(builder, node);
  require(a.dims() == b.dims() || per_map(a, b) || per_map(b, a),
          "expected two inputs of one shape, or [N, C, H, W] and [N, C, 1, 1], got {} and {}",
          a.text(), b.text());
  builder.append(node, std::make_shared<Multiply>(), {a, b}, a.numel() >= b.numel() ? a : b);
}

void build_div(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  require(builder.is_constant(node, 1), "expected a constant to divide by, got an activation");
  append_scale(builder, node, inverse);
}

}  // namespace quench::onnx_network
