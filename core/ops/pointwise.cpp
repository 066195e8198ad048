#include "core/ops/pointwise.h"

#include <array>
#include <cmath>
#include <string>
#include <type_traits>

#include "core/ops/elementwise.h"
#include "support/error.h"

namespace quench {
namespace {

using Kind = Pointwise::Kind;

constexpr std::array<std::string_view, 5> kNames{"leaky_relu", "hard_sigmoid", "hard_swish",
                                                 "sigmoid", "clip"};
constexpr float kSixth = 1.0f / 6.0f;

/// The comparisons let NaN pass.
float unit(float x) { return ActivationRange{0.0f, 1.0f}.clamp(x); }

/// Function and slope of a kind known to the compiler, so that loops over them are vectorized.
template <Kind kKind>
float value(float x, float first, float second) {
  if constexpr (kKind == Kind::leaky_relu) return x > 0.0f ? x : first * x;
  if constexpr (kKind == Kind::hard_sigmoid) return unit(first * x + second);
  if constexpr (kKind == Kind::hard_swish) return x * unit(x * kSixth + 0.5f);
  if constexpr (kKind == Kind::sigmoid) return 1.0f / (1.0f + std::exp(-x));
  if constexpr (kKind == Kind::clip) return ActivationRange{first, second}.clamp(x);
}

template <Kind kKind>
float slope_of(float x, float first, float second) {
  if constexpr (kKind == Kind::leaky_relu) return x > 0.0f ? 1.0f : first;
  if constexpr (kKind == Kind::hard_sigmoid)
    return ActivationRange{0.0f, 1.0f}.gate(first, first * x + second);
  if constexpr (kKind == Kind::hard_swish) {
    const float gate = x * kSixth + 0.5f;
    const float right = gate >= 1.0f ? 1.0f : x * (2.0f * kSixth) + 0.5f;
    return gate <= 0.0f ? 0.0f : right;
  }
  if constexpr (kKind == Kind::sigmoid) {
    const float y = value<kKind>(x, first, second);
    return y * (1.0f - y);
  }
  if constexpr (kKind == Kind::clip) return ActivationRange{first, second}.gate(1.0f, x);
}

/// Calls f(std::integral_constant<Kind, ...>) for the kind at hand.
template <typename F>
auto with_kind(Kind kind, F f) {
  switch (kind) {
    case Kind::leaky_relu:
      return f(std::integral_constant<Kind, Kind::leaky_relu>());
    case Kind::hard_sigmoid:
      return f(std::integral_constant<Kind, Kind::hard_sigmoid>());
    case Kind::hard_swish:
      return f(std::integral_constant<Kind, Kind::hard_swish>());
    case Kind::sigmoid:
      return f(std::integral_constant<Kind, Kind::sigmoid>());
    case Kind::clip:
      break;
  }
  return f(std::integral_constant<Kind, Kind::clip>());
}

float finite(Kind kind, const char* name, float number) {
  require(std::isfinite(number), "{}: expected a finite {}, got {}", to_string(kind), name, number);
  return number;
}

/// NaN stands for no bound.
bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

Pointwise Pointwise::leaky_relu(float alpha) {
  return {Kind::leaky_relu, finite(Kind::leaky_relu, "alpha", alpha), 0.0f};
}

Pointwise Pointwise::hard_sigmoid(float alpha, float beta) {
  return {Kind::hard_sigmoid, finite(Kind::hard_sigmoid, "alpha", alpha),
          finite(Kind::hard_sigmoid, "beta", beta)};
}

Pointwise Pointwise::hard_swish() { return {Kind::hard_swish, 0.0f, 0.0f}; }
Pointwise Pointwise::sigmoid() { return {Kind::sigmoid, 0.0f, 0.0f}; }

Pointwise Pointwise::clip(float low, float high) {
  require(!std::isinf(low) && !std::isinf(high) && !(low > high),
          "clip: expected finite bounds, low <= high, or none, got {} and {}", low, high);
  return {Kind::clip, low, high};
}

Pointwise Pointwise::of(Kind kind, float first, float second) {
  switch (kind) {
    case Kind::leaky_relu:
      return leaky_relu(first);
    case Kind::hard_sigmoid:
      return hard_sigmoid(first, second);
    case Kind::hard_swish:
      return hard_swish();
    case Kind::sigmoid:
      return sigmoid();
    case Kind::clip:
      break;
  }
  return clip(first, second);
}

float Pointwise::operator()(float x) const {
  return with_kind(kind_, [&](auto kind) { return value<kind()>(x, first_, second_); });
}

float Pointwise::slope(float x) const {
  return with_kind(kind_, [&](auto kind) { return slope_of<kind()>(x, first_, second_); });
}

bool Pointwise::operator==(const Pointwise& other) const {
  return kind_ == other.kind_ && same(first_, other.first_) && same(second_, other.second_);
}

std::string_view to_string(Pointwise::Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

Pointwise::Kind parse_pointwise(std::string_view name) {
  std::string known;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Kind>(i);
    known += (i == 0 ? "" : ", ") + std::string(kNames[i]);
  }
  throw std::invalid_argument(
      fmt::format("pointwise function: expected one of {}, got \"{}\"", known, name));
}

Tensor apply(const Pointwise& function, const Tensor& x) {
  const float first = function.first(), second = function.second();
  return with_kind(function.kind(), [&](auto kind) {
    return map(x, [=](float v) { return value<kind()>(v, first, second); });
  });
}

Tensor apply_backward(const Tensor& grad_output, const Tensor& x, const Pointwise& function) {
  const float first = function.first(), second = function.second();
  return with_kind(function.kind(), [&](auto kind) {
    return zip(grad_output, x,
               [=](float g, float v) { return g * slope_of<kind()>(v, first, second); });
  });
}

}  // namespace quench
