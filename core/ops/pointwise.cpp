#include "core/ops/pointwise.h"

#include <array>
#include <cmath>
#include <numbers>

#include "core/ops/elementwise.h"
#include "core/ops/tanh.h"
#include "support/error.h"

namespace quench {
namespace {

using Kind = Pointwise::Kind;
using std::numbers::inv_sqrtpi_v;
using std::numbers::sqrt2_v;

constexpr float kSixth = 1.0f / 6.0f;

/// The comparisons let NaN pass.
float unit(float x) { return ActivationRange{0.0f, 1.0f}.clamp(x); }
float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
/// Does not overflow for large x, and keeps its precision for small x.
float softplus(float x) { return (x > 0.0f ? x : 0.0f) + std::log1p(std::exp(-std::abs(x))); }

// Each function and its derivative, of x and two parameters.

struct LeakyRelu {
  static float value(float x, float alpha, float) { return x > 0.0f ? x : alpha * x; }
  static float slope(float x, float alpha, float) { return x > 0.0f ? 1.0f : alpha; }
};

struct Elu {
  static float value(float x, float alpha, float gamma) {
    return gamma * (x > 0.0f ? x : alpha * std::expm1(x));
  }
  static float slope(float x, float alpha, float gamma) {
    return gamma * (x > 0.0f ? 1.0f : alpha * std::exp(x));
  }
};

struct HardSigmoid {
  static float value(float x, float alpha, float beta) { return unit(alpha * x + beta); }
  static float slope(float x, float alpha, float beta) {
    return ActivationRange{0.0f, 1.0f}.gate(alpha, alpha * x + beta);
  }
};

struct HardSwish {
  static float value(float x, float, float) { return x * unit(x * kSixth + 0.5f); }
  static float slope(float x, float, float) {
    const float gate = x * kSixth + 0.5f;
    const float right = gate >= 1.0f ? 1.0f : x * (2.0f * kSixth) + 0.5f;
    return gate <= 0.0f ? 0.0f : right;
  }
};

struct Sigmoid {
  static float value(float x, float, float) { return sigmoid(x); }
  static float slope(float x, float, float) {
    const float y = sigmoid(x);
    return y * (1.0f - y);
  }
};

struct Tanh {
  static float value(float x, float, float) { return fast_tanh(x); }
  static float slope(float x, float, float) {
    const float y = fast_tanh(x);
    return 1.0f - y * y;
  }
};

struct Softplus {
  static float value(float x, float, float) { return softplus(x); }
  static float slope(float x, float, float) { return sigmoid(x); }
};

struct Mish {
  static float value(float x, float, float) { return x * fast_tanh(softplus(x)); }
  static float slope(float x, float, float) {
    const float gate = fast_tanh(softplus(x));
    return gate + x * (1.0f - gate * gate) * sigmoid(x);
  }
};

struct Gelu {
  static float value(float x, float, float) {
    return x * 0.5f * (1.0f + std::erf(x * (1.0f / sqrt2_v<float>)));
  }
  static float slope(float x, float, float) {
    const float density = inv_sqrtpi_v<float> / sqrt2_v<float> * std::exp(-0.5f * x * x);
    return 0.5f * (1.0f + std::erf(x * (1.0f / sqrt2_v<float>))) + x * density;
  }
};

struct GeluTanh {
  static constexpr float kScale = sqrt2_v<float> * inv_sqrtpi_v<float>, kCubic = 0.044715f;

  static float gate(float x) { return fast_tanh(kScale * (x + kCubic * x * x * x)); }
  static float value(float x, float, float) { return x * 0.5f * (1.0f + gate(x)); }
  static float slope(float x, float, float) {
    const float t = gate(x), inner = kScale * (1.0f + 3.0f * kCubic * x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
  }
};

struct Erf {
  static float value(float x, float, float) { return std::erf(x); }
  static float slope(float x, float, float) {
    return 2.0f * inv_sqrtpi_v<float> * std::exp(-x * x);
  }
};

struct Exp {
  static float value(float x, float, float) { return std::exp(x); }
  static float slope(float x, float, float) { return std::exp(x); }
};

struct Sqrt {
  static float value(float x, float, float) { return std::sqrt(x); }
  static float slope(float x, float, float) { return 0.5f / std::sqrt(x); }
};

struct Floor {
  static float value(float x, float, float) { return std::floor(x); }
  static float slope(float, float, float) { return 0.0f; }
};

struct Clip {
  static float value(float x, float low, float high) { return ActivationRange{low, high}.clamp(x); }
  static float slope(float x, float low, float high) {
    return ActivationRange{low, high}.gate(1.0f, x);
  }
};

/// A function, with loops that are compiled for it and vectorized.
struct Entry {
  std::string_view name;
  float (*value)(float, float, float);
  float (*slope)(float, float, float);
  Tensor (*apply)(const Tensor& x, float first, float second);
  Tensor (*backward)(const Tensor& grad_output, const Tensor& x, float first, float second);
};

template <typename Function>
constexpr Entry entry(std::string_view name) {
  return {name, Function::value, Function::slope,
          [](const Tensor& x, float first, float second) {
            return map(x, [=](float v) { return Function::value(v, first, second); });
          },
          [](const Tensor& grad_output, const Tensor& x, float first, float second) {
            return zip(grad_output, x,
                       [=](float g, float v) { return g * Function::slope(v, first, second); });
          }};
}

/// Indexed by Pointwise::Kind.
constexpr std::array kFunctions{
    entry<LeakyRelu>("leaky_relu"),
    entry<Elu>("elu"),
    entry<HardSigmoid>("hard_sigmoid"),
    entry<HardSwish>("hard_swish"),
    entry<Sigmoid>("sigmoid"),
    entry<Tanh>("tanh"),
    entry<Softplus>("softplus"),
    entry<Mish>("mish"),
    entry<Gelu>("gelu"),
    entry<GeluTanh>("gelu_tanh"),
    entry<Erf>("erf"),
    entry<Exp>("exp"),
    entry<Sqrt>("sqrt"),
    entry<Floor>("floor"),
    entry<Clip>("clip"),
};
static_assert(kFunctions.size() == static_cast<std::size_t>(Kind::clip) + 1);

const Entry& entry_of(Kind kind) { return kFunctions[static_cast<std::size_t>(kind)]; }

float finite(Kind kind, const char* name, float number) {
  require(std::isfinite(number), "{}: expected a finite {}, got {}", to_string(kind), name, number);
  return number;
}

/// NaN means no bound.
bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

Pointwise::Pointwise(Kind kind) : kind_(kind) {
  require(kind != Kind::leaky_relu && kind != Kind::elu && kind != Kind::hard_sigmoid &&
              kind != Kind::clip,
          "{}: expected parameters, got none", to_string(kind));
}

Pointwise Pointwise::leaky_relu(float alpha) {
  return {Kind::leaky_relu, finite(Kind::leaky_relu, "alpha", alpha), 0.0f};
}

Pointwise Pointwise::elu(float alpha, float gamma) {
  return {Kind::elu, finite(Kind::elu, "alpha", alpha), finite(Kind::elu, "gamma", gamma)};
}

Pointwise Pointwise::hard_sigmoid(float alpha, float beta) {
  return {Kind::hard_sigmoid, finite(Kind::hard_sigmoid, "alpha", alpha),
          finite(Kind::hard_sigmoid, "beta", beta)};
}

Pointwise Pointwise::clip(float low, float high) {
  require(!std::isinf(low) && !std::isinf(high) && !(low > high),
          "clip: expected finite bounds with low <= high, or NaN for no bound, got {} and {}", low,
          high);
  return {Kind::clip, low, high};
}

float Pointwise::operator()(float x) const { return entry_of(kind_).value(x, first_, second_); }

float Pointwise::slope(float x) const { return entry_of(kind_).slope(x, first_, second_); }

bool Pointwise::operator==(const Pointwise& other) const {
  return kind_ == other.kind_ && same(first_, other.first_) && same(second_, other.second_);
}

std::string_view to_string(Pointwise::Kind kind) { return entry_of(kind).name; }

Tensor apply(const Pointwise& function, const Tensor& x) {
  return entry_of(function.kind()).apply(x, function.first(), function.second());
}

Tensor apply_backward(const Tensor& grad_output, const Tensor& x, const Pointwise& function) {
  return entry_of(function.kind()).backward(grad_output, x, function.first(), function.second());
}

}  // namespace quench
