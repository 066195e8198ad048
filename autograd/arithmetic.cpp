#include "autograd/arithmetic.h"

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/ops/patch_magnitude.h"
#include "core/ops/reduce.h"
#include "core/profiler.h"

namespace quench {
namespace {

struct AddNode final : Node {
  Saved output;  // undefined without an activation
  Activation activation;

  AddNode(const Tensor& output_in, Activation activation_in)
      : output(activation_in == Activation::none ? Tensor() : output_in),
        activation(activation_in) {}
  std::string_view name() const override { return "add"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor grad = activation == Activation::none
                            ? grad_output
                            : activate_backward(grad_output, output.get(), activation);
    return {grad, grad};  // one shared buffer; accumulate() copies it before adding
  }
};

struct SubtractNode final : Node {
  std::string_view name() const override { return "subtract"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {grad_output, needs(1) ? multiply_scalar(grad_output, -1.0f) : Tensor()};
  }
};

/// d(a b) = b da + a db
struct MultiplyNode final : Node {
  Saved a, b;

  MultiplyNode(const Tensor& a_in, const Tensor& b_in) : a(a_in), b(b_in) {}
  std::string_view name() const override { return "multiply"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {needs(0) ? multiply(grad_output, b.get()) : Tensor(),
            needs(1) ? multiply(grad_output, a.get()) : Tensor()};
  }
};

/// The gradient goes to the operand that was selected.
struct ExtremumNode final : Node {
  Saved a, b;
  float sign;  ///< 1: the larger; -1: the smaller

  ExtremumNode(const Tensor& a_in, const Tensor& b_in, float sign_in)
      : a(a_in), b(b_in), sign(sign_in) {}
  std::string_view name() const override { return "extremum"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor second = zip(a.get(), b.get(), [s = sign](float x, float y) {
      return larger_is_second(s * x, s * y) ? 1.0f : 0.0f;
    });
    const auto where = [&](float taken) {
      return zip(grad_output, second, [=](float g, float of) { return of == taken ? g : 0.0f; });
    };
    return {needs(0) ? where(0.0f) : Tensor(), needs(1) ? where(1.0f) : Tensor()};
  }
};

struct MultiplyScalarNode final : Node {
  float factor;

  explicit MultiplyScalarNode(float factor_in) : factor(factor_in) {}
  std::string_view name() const override { return "multiply_scalar"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {multiply_scalar(grad_output, factor)};
  }
};

struct AddPerChannelNode final : Node {
  std::string_view name() const override { return "add_per_channel"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {grad_output, needs(1) ? sum_per_channel(grad_output) : Tensor()};
  }
};

struct AddPerPlaceNode final : Node {
  std::string_view name() const override { return "add_per_place"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override { return {grad_output}; }
};

/// y = x c: dx = c dy, dc = sum over all but the channel of x dy
struct MultiplyPerChannelNode final : Node {
  Saved x, channel;

  MultiplyPerChannelNode(const Tensor& x_in, const Tensor& channel_in)
      : x(x_in), channel(channel_in) {}
  std::string_view name() const override { return "multiply_per_channel"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {needs(0) ? multiply_per_channel(grad_output, channel.get()) : Tensor(),
            needs(1) ? sum_per_channel(multiply(grad_output, x.get())) : Tensor()};
  }
};

/// y[o] = w[o] s[o]: dw[o] = s[o] dy[o], ds[o] = sum over the slice of w[o] dy[o]
struct MultiplyPerSliceNode final : Node {
  Saved weight, scale;

  MultiplyPerSliceNode(const Tensor& weight_in, const Tensor& scale_in)
      : weight(weight_in), scale(scale_in) {}
  std::string_view name() const override { return "multiply_per_slice"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {needs(0) ? multiply_per_slice(grad_output, scale.get()) : Tensor(),
            needs(1) ? sum_per_slice(multiply(grad_output, weight.get())) : Tensor()};
  }
};

}  // namespace

Variable add(const Variable& a, const Variable& b, Activation activation) {
  const ProfileScope profile("add");
  Tensor output = zip(a.value(), b.value(), [range = range_of(activation)](float x, float y) {
    return range.clamp(x + y);
  });
  return record<AddNode>({a, b}, output, output, activation);
}

Variable subtract(const Variable& a, const Variable& b) {
  return record<SubtractNode>({a, b}, subtract(a.value(), b.value()));
}

Variable multiply(const Variable& a, const Variable& b) {
  return record<MultiplyNode>({a, b}, multiply(a.value(), b.value()), a.value(), b.value());
}

Variable maximum(const Variable& a, const Variable& b) {
  return record<ExtremumNode>({a, b}, maximum(a.value(), b.value()), a.value(), b.value(), 1.0f);
}

Variable minimum(const Variable& a, const Variable& b) {
  return record<ExtremumNode>({a, b}, minimum(a.value(), b.value()), a.value(), b.value(), -1.0f);
}

Variable multiply_scalar(const Variable& x, float factor) {
  return record<MultiplyScalarNode>({x}, multiply_scalar(x.value(), factor), factor);
}

Variable add_per_channel(const Variable& x, const Variable& channel) {
  return record<AddPerChannelNode>({x, channel}, add_per_channel(x.value(), channel.value()));
}

Variable add_per_place(const Variable& x, const Tensor& image) {
  return record<AddPerPlaceNode>({x}, add_per_place(x.value(), image));
}

Variable multiply_per_channel(const Variable& x, const Variable& channel) {
  return record<MultiplyPerChannelNode>(
      {x, channel}, multiply_per_channel(x.value(), channel.value()), x.value(), channel.value());
}

Variable multiply_per_slice(const Variable& weight, const Variable& scale) {
  return record<MultiplyPerSliceNode>({weight, scale},
                                      multiply_per_slice(weight.value(), scale.value()),
                                      weight.value(), scale.value());
}

namespace {

/// y = x f: dx = f dy, df = sum over the map of x dy
struct MultiplyPerMapNode final : Node {
  Saved x, factor;

  MultiplyPerMapNode(const Tensor& x_in, const Tensor& factor_in) : x(x_in), factor(factor_in) {}
  std::string_view name() const override { return "multiply_per_map"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {needs(0) ? multiply_per_map(grad_output, factor.get()) : Tensor(),
            needs(1) ? sum_per_map(multiply(grad_output, x.get())) : Tensor()};
  }
};

}  // namespace

Variable multiply_per_map(const Variable& x, const Variable& factor) {
  const ProfileScope profile("multiply_per_map");
  return record<MultiplyPerMapNode>({x, factor}, multiply_per_map(x.value(), factor.value()),
                                    x.value(), factor.value());
}

namespace {

struct MultiplyAcrossChannelsNode final : Node {
  Saved factor;

  explicit MultiplyAcrossChannelsNode(Saved factor_in) : factor(std::move(factor_in)) {}
  std::string_view name() const override { return "multiply_across_channels"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {multiply_across_channels(grad_output, factor.get())};
  }
};

}  // namespace

Variable multiply_across_channels(const Variable& x, const Tensor& factor) {
  return record<MultiplyAcrossChannelsNode>({x}, multiply_across_channels(x.value(), factor),
                                            Saved(factor));
}

}  // namespace quench
