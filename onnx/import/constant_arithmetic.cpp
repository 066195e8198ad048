// Folds arithmetic. Integers have 64 bits; overflow is an error.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "onnx/import/arrays.h"
#include "onnx/import/constant_folding.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

using Integer = std::int64_t;

template <typename T>
std::vector<T> numbers(const OnnxTensor& tensor) {
  if constexpr (std::is_same_v<T, float>) {
    return floats(tensor);
  } else {
    return integers(tensor);
  }
}

/// Calls function(T{}) with the element type, float or Integer.
template <typename Function>
OnnxTensor with_type(const OnnxTensor& tensor, Function function) {
  require(tensor.type == OnnxType::f32 || tensor.type == OnnxType::s64,
          "'{}': expected floats or integers of 32 or 64 bits, got codes of fewer bits",
          tensor.name);
  return tensor.type == OnnxType::f32 ? function(float{}) : function(Integer{});
}

OnnxTensor clipped_codes(const OnnxTensor& codes, const Constants& inputs) {
  Dims values = any_integers(codes);
  for (std::int64_t& value : values) {
    if (has_input(inputs, 1)) value = std::max(value, only_integer(*inputs[1]));
    if (has_input(inputs, 2)) value = std::min(value, only_integer(*inputs[2]));
  }
  return codes_of(codes.type, codes.dims, values);
}

template <typename Function>
OnnxTensor unary(const Constants& inputs, Function function) {
  const OnnxTensor& x = input(inputs, 0);
  return with_type(x, [&]<typename T>(T) {
    std::vector<T> values = numbers<T>(x);
    std::ranges::transform(values, values.begin(), function);
    return tensor_of(x.dims, values);
  });
}

/// Elementwise function(a, b) with broadcasting.
template <typename Function>
OnnxTensor binary(const OnnxTensor& a, const OnnxTensor& b, Function function) {
  require(a.type == b.type, "expected two inputs of one type");
  const Dims dims = broadcast(a.dims, b.dims);
  // The result may be as large as the larger input, e.g. a weight.
  const std::int64_t most = std::max(elements_of(a), elements_of(b));
  return with_type(a, [&]<typename T>(T) {
    const std::vector<T> x = numbers<T>(expanded(a, dims, most)),
                         y = numbers<T>(expanded(b, dims, most));
    std::vector<decltype(function(T{}, T{}))> values(x.size());
    std::ranges::transform(x, y, values.begin(), function);
    return tensor_of(dims, values);
  });
}

template <typename Function>
OnnxTensor binary(const Constants& inputs, Function function) {
  return binary(input(inputs, 0), input(inputs, 1), function);
}

/// Left fold of `function` over all inputs.
template <typename Function>
OnnxTensor variadic(const Constants& inputs, Function function) {
  OnnxTensor result = input(inputs, 0);
  for (std::size_t i = 1; i < inputs.size(); ++i)
    result = binary(result, input(inputs, i), function);
  return result;
}

[[noreturn]] void fail_overflow(Integer a, const char* op, Integer b) {
  throw std::invalid_argument(fmt::format("{} {} {} overflows 64-bit integers", a, op, b));
}

float plus(float a, float b) { return a + b; }
Integer plus(Integer a, Integer b) {
  Integer result = 0;
  if (__builtin_add_overflow(a, b, &result)) fail_overflow(a, "+", b);
  return result;
}

float minus(float a, float b) { return a - b; }
Integer minus(Integer a, Integer b) {
  Integer result = 0;
  if (__builtin_sub_overflow(a, b, &result)) fail_overflow(a, "-", b);
  return result;
}

float times(float a, float b) { return a * b; }
Integer times(Integer a, Integer b) {
  Integer result = 0;
  if (__builtin_mul_overflow(a, b, &result)) fail_overflow(a, "*", b);
  return result;
}

float quotient(float a, float b) { return a / b; }
/// Rounded towards zero.
Integer quotient(Integer a, Integer b) {
  require(b != 0, "expected divisors other than 0");
  if (b == -1) return minus(0, a);
  return a / b;
}

/// The remainder with the sign of `a`.
float remainder(float a, float b) { return std::fmod(a, b); }
Integer remainder(Integer a, Integer b) {
  require(b != 0, "expected divisors other than 0");
  return b == -1 ? 0 : a % b;
}

/// The remainder with the sign of `b`.
Integer modulus(Integer a, Integer b) {
  const Integer rest = remainder(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

float power(float a, float b) { return std::pow(a, b); }
Integer power(Integer a, Integer b) {
  require(b >= 0, "expected exponents of at least 0 for integers, got {}", b);
  Integer result = 1;
  for (; b > 0; --b) {
    if (result == 0 || (result == 1 && a == 1)) break;
    if (a == -1) return b % 2 == 0 ? result : -result;
    result = times(result, a);
  }
  return result;
}

Integer absolute(Integer a) { return a < 0 ? minus(0, a) : a; }
float absolute(float a) { return std::abs(a); }

/// An elementwise function of floats.
template <typename Function>
OnnxTensor of_floats(const Constants& inputs, Function function) {
  const OnnxTensor& x = input(inputs, 0);
  std::vector<float> values = floats(x);
  std::ranges::transform(values, values.begin(), function);
  return tensor_of(x.dims, values);
}

/// Elementwise function(a, b) of booleans.
template <typename Function>
OnnxTensor of_truths(const Constants& inputs, Function function) {
  const auto truth = [](const OnnxTensor& x) { return fold_cast({.to = 9}, {&x}); };
  return binary(truth(input(inputs, 0)), truth(input(inputs, 1)),
                [function](auto a, auto b) { return Integer{function(a != 0, b != 0)}; });
}

/// The element of a scalar, or of a list with one element.
template <typename T>
T scalar(const OnnxTensor& tensor) {
  const std::vector<T> values = numbers<T>(tensor);
  require(values.size() == 1, "expected one value, got {}", dims_text(tensor.dims));
  return values[0];
}

/// Reduces the axes that a node names, or all axes, by function(sum, value).
template <typename Function>
OnnxTensor reduce(const ReduceAttributes& attributes, const Constants& inputs, Function function) {
  const OnnxTensor& x = input(inputs, 0);
  const Dims axes = axes_of(attributes, inputs, x.dims.size());
  if (axes.empty() && attributes.noop_with_empty_axes != 0) return x;
  const Dims apart = strides_of(x.dims);
  std::vector<Walk> kept, reduced;
  Dims dims;
  for (std::size_t i = 0; i < x.dims.size(); ++i) {
    const bool named = axes.empty() || std::ranges::count(axes, static_cast<Integer>(i)) > 0;
    (named ? reduced : kept).push_back({x.dims[i], 0, apart[i]});
    if (!named) dims.push_back(x.dims[i]);
    if (named && attributes.keepdims != 0) dims.push_back(1);
  }
  // Reduced axes go last, so that the values of each result are contiguous.
  std::vector<Walk> walks = kept;
  walks.insert(walks.end(), reduced.begin(), reduced.end());
  const OnnxTensor moved = walked(x, walks);
  const std::int64_t results = count_of(dims, elements_of(x));
  require(elements_of(x) > 0, "expected at least one value, got {}", dims_text(x.dims));
  const std::ptrdiff_t each = elements_of(x) / results;
  return with_type(moved, [&]<typename T>(T) {
    const std::vector<T> values = numbers<T>(moved);
    std::vector<T> result;
    for (auto it = values.begin(); it != values.end(); it += each) {
      T sum = *it;
      for (auto next = it + 1; next != it + each; ++next) sum = function(sum, *next);
      result.push_back(sum);
    }
    return tensor_of(dims, result);
  });
}

/// The number of values of a Range.
/// @throws std::invalid_argument  for a step of 0, or too many values
std::int64_t range_count(double distance, double delta) {
  require(delta != 0.0, "expected steps other than 0");
  const double count = std::ceil(distance / delta);
  require(count < 1e9, "expected at most 1e9 values, got {}", count);
  return count > 0.0 ? static_cast<std::int64_t>(count) : 0;
}

}  // namespace

OnnxTensor fold_abs(const NoAttributes&, const Constants& inputs) {
  return unary(inputs, [](auto x) { return absolute(x); });
}

OnnxTensor fold_add(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return plus(a, b); });
}

OnnxTensor fold_and(const NoAttributes&, const Constants& inputs) {
  return of_truths(inputs, std::logical_and<>());
}

/// Batch norm of constants, e.g. standardized weights: in training mode with their own statistics.
OnnxTensor fold_batch_norm(const BatchNormAttributes& attributes, const Constants& inputs) {
  require(attributes.spatial == 1, "spatial: expected 1 (statistics per channel), got {}",
          attributes.spatial);
  const OnnxTensor& x = input(inputs, 0);
  require(x.dims.size() >= 2, "expected [N, C, ...], got {}", dims_text(x.dims));
  const Integer channels = x.dims[1], each = strides_of(x.dims)[1];
  std::vector<float> values = floats(x);
  const auto of_channels = [&](std::size_t i) {
    const std::vector<float> numbers = floats(input(inputs, i));
    require(std::ssize(numbers) == channels, "'{}': expected {} values, got {}", inputs[i]->name,
            channels, numbers.size());
    return std::vector<double>(numbers.begin(), numbers.end());
  };
  const std::vector<double> gain = of_channels(1), bias = of_channels(2);
  std::vector<double> mean(gain.size()), variance(gain.size());
  const auto channel_of = [&](std::size_t place) {
    return static_cast<std::size_t>(static_cast<Integer>(place) / each % channels);
  };
  if (attributes.training_mode == 0) {
    mean = of_channels(3);
    variance = of_channels(4);
  } else if (!values.empty()) {
    const double count = static_cast<double>(values.size()) / static_cast<double>(channels);
    for (std::size_t i = 0; i < values.size(); ++i)
      mean[channel_of(i)] += double{values[i]} / count;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double off = double{values[i]} - mean[channel_of(i)];
      variance[channel_of(i)] += off * off / count;
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = channel_of(i);
    const double sigma = std::sqrt(variance[c] + double{attributes.epsilon});
    values[i] = static_cast<float>((double{values[i]} - mean[c]) / sigma * gain[c] + bias[c]);
  }
  return tensor_of(x.dims, values);
}

OnnxTensor fold_ceil(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return std::ceil(x); });
}

OnnxTensor fold_clip(const ClipAttributes& attributes, const Constants& inputs) {
  OnnxTensor result = input(inputs, 0);
  if (is_code(result.type)) return clipped_codes(result, inputs);
  const auto clamp = [&](std::size_t i, std::optional<float> attribute, auto extremum) {
    if (!has_input(inputs, i) && !attribute) return;
    const OnnxTensor bound =
        has_input(inputs, i) ? *inputs[i] : tensor_of({}, std::vector{*attribute});
    result = extremum({}, {&result, &bound});
  };
  clamp(1, attributes.min, fold_max);
  clamp(2, attributes.max, fold_min);
  return result;
}

OnnxTensor fold_div(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return quotient(a, b); });
}

OnnxTensor fold_equal(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return Integer{a == b}; });
}

OnnxTensor fold_exp(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return std::exp(x); });
}

OnnxTensor fold_floor(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return std::floor(x); });
}

OnnxTensor fold_greater(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return Integer{a > b}; });
}

OnnxTensor fold_greater_or_equal(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return Integer{a >= b}; });
}

OnnxTensor fold_less(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return Integer{a < b}; });
}

OnnxTensor fold_less_or_equal(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return Integer{a <= b}; });
}

OnnxTensor fold_log(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return std::log(x); });
}

OnnxTensor fold_max(const NoAttributes&, const Constants& inputs) {
  return variadic(inputs, [](auto a, auto b) { return std::max(a, b); });
}

OnnxTensor fold_min(const NoAttributes&, const Constants& inputs) {
  return variadic(inputs, [](auto a, auto b) { return std::min(a, b); });
}

OnnxTensor fold_mod(const ModAttributes& attributes, const Constants& inputs) {
  if (attributes.fmod != 0) return binary(inputs, [](auto a, auto b) { return remainder(a, b); });
  require(input(inputs, 0).type == OnnxType::s64, "expected integers without fmod = 1");
  const Constants both{&input(inputs, 0), &input(inputs, 1)};
  require(both[1]->type == OnnxType::s64, "expected two inputs of one type");
  const Dims dims = broadcast(both[0]->dims, both[1]->dims);
  const Dims a = integers(expanded(*both[0], dims)), b = integers(expanded(*both[1], dims));
  Dims result(a.size());
  std::ranges::transform(a, b, result.begin(), modulus);
  return tensor_of(dims, result);
}

OnnxTensor fold_mul(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return times(a, b); });
}

OnnxTensor fold_neg(const NoAttributes&, const Constants& inputs) {
  return unary(inputs, [](auto x) { return minus(decltype(x){0}, x); });
}

OnnxTensor fold_not(const NoAttributes&, const Constants& inputs) {
  return unary(inputs, [](auto x) { return static_cast<decltype(x)>(x == 0); });
}

OnnxTensor fold_or(const NoAttributes&, const Constants& inputs) {
  return of_truths(inputs, std::logical_or<>());
}

OnnxTensor fold_pow(const NoAttributes&, const Constants& inputs) {
  const OnnxTensor& base = input(inputs, 0);
  // The exponent's type may differ from the base's; the result has the base's type.
  const OnnxTensor exponent =
      base.type == OnnxType::f32 ? fold_cast({.to = 1}, {&input(inputs, 1)}) : input(inputs, 1);
  return binary(base, exponent, [](auto a, auto b) { return power(a, b); });
}

OnnxTensor fold_range(const RangeAttributes&, const Constants& inputs) {
  const OnnxTensor &start = input(inputs, 0), &limit = input(inputs, 1), &delta = input(inputs, 2);
  require(start.type == limit.type && limit.type == delta.type, "expected inputs of one type");
  return with_type(start, [&]<typename T>(T) {
    const T first = scalar<T>(start), step = scalar<T>(delta);
    const std::int64_t count =
        range_count(static_cast<double>(minus(scalar<T>(limit), first)), static_cast<double>(step));
    std::vector<T> values(static_cast<std::size_t>(count_of({count})));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = plus(first, times(static_cast<T>(i), step));
    return tensor_of({count}, values);
  });
}

OnnxTensor fold_reciprocal(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return 1.0f / x; });
}

OnnxTensor fold_reduce_l2(const ReduceAttributes& attributes, const Constants& inputs) {
  const OnnxTensor squares = of_floats(inputs, [](float x) { return x * x; });
  Constants of_squares = inputs;
  of_squares[0] = &squares;
  const OnnxTensor sums = fold_reduce_sum(attributes, of_squares);
  return of_floats({&sums}, [](float x) { return std::sqrt(x); });
}

OnnxTensor fold_reduce_max(const ReduceAttributes& attributes, const Constants& inputs) {
  return reduce(attributes, inputs, [](auto a, auto b) { return std::max(a, b); });
}

OnnxTensor fold_reduce_mean(const ReduceAttributes& attributes, const Constants& inputs) {
  const OnnxTensor &x = input(inputs, 0), sum = fold_reduce_sum(attributes, inputs);
  const auto each = static_cast<float>(elements_of(x) / std::max<Integer>(elements_of(sum), 1));
  return of_floats({&sum}, [each](float total) { return total / each; });
}

OnnxTensor fold_reduce_min(const ReduceAttributes& attributes, const Constants& inputs) {
  return reduce(attributes, inputs, [](auto a, auto b) { return std::min(a, b); });
}

OnnxTensor fold_reduce_prod(const ReduceAttributes& attributes, const Constants& inputs) {
  return reduce(attributes, inputs, [](auto a, auto b) { return times(a, b); });
}

OnnxTensor fold_reduce_sum(const ReduceAttributes& attributes, const Constants& inputs) {
  return reduce(attributes, inputs, [](auto a, auto b) { return plus(a, b); });
}

OnnxTensor fold_relu(const NoAttributes&, const Constants& inputs) {
  return unary(inputs, [](auto x) { return std::max(x, decltype(x){0}); });
}

OnnxTensor fold_round(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return std::nearbyint(x); });  // ties to even
}

OnnxTensor fold_sign(const NoAttributes&, const Constants& inputs) {
  return unary(inputs, [](auto x) { return static_cast<decltype(x)>((x > 0) - (x < 0)); });
}

OnnxTensor fold_sqrt(const NoAttributes&, const Constants& inputs) {
  return of_floats(inputs, [](float x) { return std::sqrt(x); });
}

OnnxTensor fold_sub(const NoAttributes&, const Constants& inputs) {
  return binary(inputs, [](auto a, auto b) { return minus(a, b); });
}

OnnxTensor fold_sum(const NoAttributes&, const Constants& inputs) {
  return variadic(inputs, [](auto a, auto b) { return plus(a, b); });
}

OnnxTensor fold_where(const NoAttributes&, const Constants& inputs) {
  const OnnxTensor &x = input(inputs, 1), &y = input(inputs, 2);
  require(x.type == y.type, "expected two inputs of one type");
  const Dims dims = broadcast(input(inputs, 0).dims, broadcast(x.dims, y.dims));
  const Dims condition = integers(expanded(input(inputs, 0), dims));
  return with_type(x, [&]<typename T>(T) {
    std::vector<T> values = numbers<T>(expanded(y, dims));
    const std::vector<T> chosen = numbers<T>(expanded(x, dims));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (condition[i] != 0) values[i] = chosen[i];
    }
    return tensor_of(dims, values);
  });
}

}  // namespace quench::onnx
