// Sums, products and extrema: Add, Sub, Mul, Div, Neg, Pow, Sum, Max, Min.

#include "layers/arithmetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "onnx/import/constants.h"
#include "onnx/import/fusion.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// The index of the activation; the other input is a constant.
std::size_t activation_input(const Builder& builder, const OnnxNode& node) {
  return builder.is_constant(node, 0) ? 1 : 0;
}

bool has_constant(const Builder& builder, const OnnxNode& node) {
  return builder.is_constant(node, 0) || builder.is_constant(node, 1);
}

/// The constant's values per channel, with `function` applied.
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

void require_one_order(const Value& a, const Value& b) {
  require(a.layout == b.layout && a.line == b.line && same_order(a, b),
          "expected two inputs with the same order of channels, got {} and {}", a.text(), b.text());
}

/// All inputs except constants, which must have one shape.
std::vector<Value> all_activations(Builder& builder, const OnnxNode& node) {
  std::vector<Value> result;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (builder.is_constant(node, i)) continue;
    result.push_back(result.empty() ? builder.activation(node, i)
                                    : builder.like(result[0], node, i));
  }
  for (const Value& value : result)
    require(value.layout == result[0].layout && value.dims() == result[0].dims() &&
                same_order(value, result[0]),
            "expected inputs of one shape, got {} and {}", result[0].text(), value.text());
  return result;
}

/// A constant bound is a clamp, as in Relu and Clip.
void append_extremum(Builder& builder, const OnnxNode& node, layers::Extremum::Kind kind) {
  const std::vector<Value> inputs = all_activations(builder, node);
  const bool largest = kind == layers::Extremum::Kind::largest;
  ActivationRange range;
  float& bound = largest ? range.low : range.high;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!builder.is_constant(node, i)) continue;
    const std::vector<float> numbers = floats(builder.constant(node, i));
    require(numbers.size() == 1, "expected activations, or one value as a bound, got {} values",
            numbers.size());
    const bool tighter = largest ? numbers[0] > bound : numbers[0] < bound;
    if (tighter || std::isnan(bound)) bound = numbers[0];
  }
  Value value = inputs[0];
  if (inputs.size() > 1) {
    const std::string name = std::isnan(bound) ? name_of(node) : node.output + "/extremum";
    value = builder.insert(name, std::make_shared<layers::Extremum>(kind), inputs, value);
  }
  append_clamp(builder, node, value, range);
}

/// Whether `b` has one value per channel of `a`.
bool per_map(const Value& a, const Value& b) {
  return !a.flat() && a.channels == b.channels && b.height == 1 && b.width == 1;
}

/// A constant that is_per_place(), in quench's order, with `function` applied.
Tensor image_of(const OnnxTensor& constant, const Value& value, float (*function)(float)) {
  const Shape shape{1, value.channels, value.height, value.width};
  std::vector<float> numbers = floats(constant);
  std::ranges::transform(numbers, numbers.begin(), function);
  if (value.layout == Layout::channels_first) return Tensor::from_row_major(shape, numbers);
  Tensor image(shape);
  std::ranges::copy(numbers, image.span().begin());
  return image;
}

void append_shift(Builder& builder, const OnnxNode& node, float (*function)(float)) {
  const std::size_t place = activation_input(builder, node);
  const OnnxTensor& constant = builder.constant(node, 1 - place);
  const Value input = builder.aligned(constant, node, place);
  if (is_per_place(constant, input)) {
    auto sum = std::make_shared<layers::ScaleShift>(image_of(constant, input, function));
    return builder.append(node, std::move(sum), {input}, input);
  }
  builder.append(
      node, std::make_shared<layers::ScaleShift>(Tensor{}, numbers(builder, node, input, function)),
      {input}, input);
}

/// constant - activation; neither is trained.
void append_difference(Builder& builder, const OnnxNode& node) {
  const Value input = builder.aligned(builder.constant(node, 0), node, 1);
  const Tensor shift = numbers(builder, node, input, same);
  builder.append(node,
                 std::make_shared<layers::ScaleShift>(Tensor::full({1}, -1.0f), shift,
                                                      layers::ScaleShift::Values::constant),
                 {input}, input);
}

/// The sum or difference of two activations.
void append_sum(Builder& builder, const OnnxNode& node, layers::Sign sign) {
  Value a = builder.activation(node, 0), b = builder.like(a, node, 1);
  require_one_order(a, b);
  // A term per channel applies to each of its pixels.
  const auto spread = [&](Value& term, const Value& image) {
    if (term.dims() == image.dims() || !per_map(image, term)) return;
    term.repeated = {image.height, image.width};
    term = builder.repeat_pixels(node.output + "/expanded", term);
  };
  spread(a, b);
  spread(b, a);
  require(a.dims() == b.dims(), "expected two inputs of one shape, got {} and {}", a.text(),
          b.text());
  builder.append(node, std::make_shared<layers::Add>(take_activation(builder, node), sign), {a, b},
                 a);
}

void append_scale(Builder& builder, const OnnxNode& node, float (*function)(float)) {
  const std::size_t place = activation_input(builder, node);
  const Value input = builder.aligned(builder.constant(node, 1 - place), node, place);
  builder.append(
      node, std::make_shared<layers::ScaleShift>(numbers(builder, node, input, function), Tensor{}),
      {input}, input);
}

}  // namespace

void build_add(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  if (has_constant(builder, node)) return append_shift(builder, node, same);
  append_sum(builder, node, layers::Sign::plus);
}

void build_sub(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  if (builder.is_constant(node, 0)) return append_difference(builder, node);
  if (builder.is_constant(node, 1)) return append_shift(builder, node, negative);
  append_sum(builder, node, layers::Sign::minus);
}

void build_sum(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  if (node.inputs.size() == 2) return build_add(builder, node, {});
  const std::vector<Value> inputs = all_activations(builder, node);
  Value sum = inputs[0];
  for (std::size_t i = 1; i + 1 < inputs.size(); ++i)
    sum = builder.insert(node.output + "/sum", std::make_shared<layers::Add>(), {sum, inputs[i]},
                         sum);
  if (inputs.size() == 1) return builder.set_output(node, sum);
  builder.append(node, std::make_shared<layers::Add>(take_activation(builder, node)),
                 {sum, inputs.back()}, sum);
}

void build_neg(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  const Value input = builder.activation(node);
  builder.append(node,
                 std::make_shared<layers::ScaleShift>(Tensor::full({1}, -1.0f), Tensor{},
                                                      layers::ScaleShift::Values::constant),
                 {input}, input);
}

void build_pow(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  const std::vector<float> exponent = floats(builder.constant(node, 1));
  require(exponent.size() == 1, "exponent: expected one value, got {}", exponent.size());
  require(exponent[0] == 2.0f || exponent[0] == 0.5f, "exponent: expected 2 or 0.5, got {}",
          exponent[0]);
  if (exponent[0] == 0.5f) return append_function(builder, node, Pointwise(Pointwise::Kind::sqrt));
  const Value input = builder.numbers(node);
  builder.append(node, std::make_shared<layers::Multiply>(), {input, input}, input);
}

void build_max(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  append_extremum(builder, node, layers::Extremum::Kind::largest);
}

void build_min(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  append_extremum(builder, node, layers::Extremum::Kind::smallest);
}

void build_mul(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  if (has_constant(builder, node)) return append_scale(builder, node, same);
  // A factor per channel may be expanded to one per pixel.
  const Value a = builder.unrepeated(node, 0);
  Value b = builder.unrepeated(node, 1);
  if (!b.repeats()) b = builder.like(a, node, 1);
  require_one_order(a, b);
  bool fits = a.dims() == b.dims() || per_map(a, b) || per_map(b, a);
  Value output = a.numel() >= b.numel() ? a : b;
  const bool one_pixel = output.height == 1 && output.width == 1;
  std::array size{output.height, output.width};
  for (std::size_t i = 0; i < 2; ++i) {
    if (one_pixel) size[i] = std::max(a.repeated[i], b.repeated[i]);
    for (const Value& factor : {a, b})
      fits = fits && (factor.repeated[i] == 1 || factor.repeated[i] == size[i]);
  }
  require(fits, "expected two inputs of one shape, or [N, C, H, W] and [N, C, 1, 1], got {} and {}",
          a.text(), b.text());
  output.repeated = one_pixel ? size : std::array<std::int64_t, 2>{1, 1};
  builder.append(node, std::make_shared<layers::Multiply>(), {a, b}, std::move(output));
}

void build_div(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  require(builder.is_constant(node, 1), "expected a constant to divide by, got an activation");
  append_scale(builder, node, inverse);
}

}  // namespace quench::onnx
