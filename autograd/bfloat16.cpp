#include "autograd/bfloat16.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "autograd/node.h"
#include "core/ops/bfloat16.h"
#include "core/ops/elementwise.h"
#include "core/ops/gemm.h"
#include "core/ops/reduce.h"
#include "core/ops/split_sums.h"
#include "support/error.h"

namespace quench {
namespace {

/// The three passes of a product; each takes two operands.
struct Passes {
  std::function<Tensor(const Tensor& input, const Tensor& weight)> forward;
  std::function<Tensor(const Tensor& grad_output, const Tensor& weight)> backward_input;
  std::function<Tensor(const Tensor& input, const Tensor& grad_output)> backward_weight;
};

struct ProductNode final : Node {
  BFloat16Operands operands;
  Passes passes;

  ProductNode(BFloat16Operands operands_in, Passes passes_in)
      : operands(std::move(operands_in)), passes(std::move(passes_in)) {}
  std::string_view name() const override { return "bfloat16 product"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    std::vector<Tensor> grads(3);
    const Tensor grad = to_bfloat16(grad_output, operands.weight_scale);
    if (needs(0)) grads[0] = passes.backward_input(grad, operands.weight);
    if (needs(1)) grads[1] = unscaled(passes.backward_weight(operands.input, grad));
    if (needs(2)) grads[2] = sum_per_channel(grad_output);
    return grads;
  }

 private:
  /// Takes the weight's scale, which the gradient holds, for the input's.
  Tensor unscaled(Tensor grad_weight) const {
    Tensor factor({grad_weight.dim(0)});
    for (std::int64_t o = 0; o < factor.numel(); ++o)
      factor.data()[o] = operands.input_scale / scale_of(o);
    const bool one = std::ranges::all_of(factor.span(), [](float f) { return f == 1.0f; });
    return one ? grad_weight : multiply_per_slice(grad_weight, factor);
  }
  float scale_of(std::int64_t channel) const {
    const std::vector<float>& scale = operands.weight_scale;
    return scale.size() == 1 ? scale[0] : scale[static_cast<std::size_t>(channel)];
  }
};

Tensor sums(const BFloat16Operands& operands, const Passes& passes) {
  if (!operands.wide_sums) return passes.forward(operands.input, operands.weight);
  return split_sums(to_float32(operands.weight), [&](const Tensor& half) {
    return passes.forward(operands.input, to_bfloat16(half));
  });
}

Variable product(const Variable& input, const Variable& weight, const Variable& bias,
                 BFloat16Operands operands, Passes passes) {
  Tensor output = sums(operands, passes);
  // The scales' product is rounded before it multiplies the sum, as in evaluation.
  Tensor scale({output.dim(1)});
  for (std::int64_t o = 0; o < scale.numel(); ++o) {
    const std::size_t index = operands.weight_scale.size() == 1 ? 0 : static_cast<std::size_t>(o);
    scale.data()[o] = operands.input_scale * operands.weight_scale[index];
  }
  const bool scaled = std::ranges::any_of(scale.span(), [](float s) { return s != 1.0f; });
  if (scaled) output = multiply_per_channel(output, scale);
  if (bias.defined()) output = add_per_channel(output, bias.value());
  return record<ProductNode>({input, weight, bias}, std::move(output), std::move(operands),
                             std::move(passes));
}

}  // namespace

std::string_view name_of(Precision precision) {
  return precision == Precision::bfloat16 ? "bfloat16" : "float32";
}

Precision find_precision(std::string_view name, std::string_view what) {
  for (const Precision known : {Precision::float32, Precision::bfloat16})
    if (name == name_of(known)) return known;
  fail("{}: expected float32 or bfloat16, got {}", what, name);
}

Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared, BFloat16Operands operands) {
  const Shape input_shape = input.shape(), weight_shape = weight.shape();
  return product(
      input, weight, bias, std::move(operands),
      {.forward = [=](const Tensor& x, const Tensor& w) { return prepared->forward(x, w); },
       .backward_input =
           [=](const Tensor& g, const Tensor& w) {
             return prepared->backward_data(g, w, input_shape);
           },
       .backward_weight =
           [=](const Tensor& x, const Tensor& g) {
             return prepared->backward_weights(x, g, weight_shape);
           }});
}

Variable linear(const Variable& input, const Variable& weight, const Variable& bias,
                BFloat16Operands operands) {
  return product(
      input, weight, bias, std::move(operands),
      {.forward = [](const Tensor& x, const Tensor& w) { return matmul(x, false, w, true); },
       .backward_input = [](const Tensor& g,
                            const Tensor& w) { return matmul(g, false, w, false); },
       .backward_weight = [](const Tensor& x,
                             const Tensor& g) { return matmul(g, true, x, false); }});
}

}  // namespace quench
