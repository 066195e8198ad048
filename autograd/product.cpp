#include "autograd/product.h"

#include <algorithm>
#include <functional>
#include <span>
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

/// The passes of a product.
struct Passes {
  std::function<Tensor(const Tensor& input, const Tensor& weight)> forward;
  std::function<Tensor(const Tensor& grad_output, const Tensor& weight)> backward_input;
  std::function<Tensor(const Tensor& input, const Tensor& grad_output)> backward_weight;
  /// Both gradients.
  std::function<OperandGradients(const Tensor& input, const Tensor& grad_output,
                                 const Tensor& weight)>
      backward;
};

float weight_scale_of(const ProductOperands& operands, std::int64_t channel) {
  const std::vector<float>& scale = operands.weight_scale;
  return scale.size() == 1 ? scale[0] : scale[static_cast<std::size_t>(channel)];
}

bool in_bfloat16(const ProductOperands& operands) { return operands.weight.dtype() == DType::bf16; }

Tensor in_bfloat16(const Tensor& input, const ByteGrid& grid) {
  return input.dtype() == DType::bf16 ? input : bytes_to_bfloat16(input, grid);
}

struct ProductNode final : Node {
  ProductOperands operands;  // without what only forward needs; a binary input as bits
  Shape input;
  Passes passes;

  ProductNode(ProductOperands operands_in, Passes passes_in)
      : operands(std::move(operands_in)),
        input(operands.input.shape()),
        passes(std::move(passes_in)) {
    operands.kernel = nullptr;
    operands.offset_sums = {};
    if (operands.binary) operands.input = pack_binary(operands.input);
  }
  std::string_view name() const override { return "product"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    std::vector<Tensor> grads(3);
    const Tensor grad =
        in_bfloat16(operands) ? to_bfloat16(grad_output, operands.weight_scale) : grad_output;
    if (needs(0) && needs(1)) {
      OperandGradients both = passes.backward(input_operand(), grad, operands.weight);
      grads[0] = std::move(both.input);
      grads[1] = without_scale(std::move(both.weight));
    } else if (needs(0)) {
      grads[0] = passes.backward_input(grad, operands.weight);
    } else if (needs(1)) {
      grads[1] = without_scale(passes.backward_weight(input_operand(), grad));
    }
    if (needs(2)) grads[2] = sum_per_channel(grad_output);
    return grads;
  }

 private:
  Tensor input_operand() const {
    const Tensor codes = operands.binary ? unpack_binary(operands.input, input) : operands.input;
    return in_bfloat16(operands) ? in_bfloat16(codes, operands.grid)
                                 : bytes_to_float32(codes, operands.grid);
  }
  Tensor without_scale(Tensor grad_weight) const {
    if (!in_bfloat16(operands)) return grad_weight;
    // Takes the weight's scale, which `grad` holds, for the input's.
    Tensor factor({grad_weight.dim(0)});
    for (std::int64_t o = 0; o < factor.numel(); ++o)
      factor.data()[o] = operands.grid.scale / weight_scale_of(operands, o);
    const bool one = std::ranges::all_of(factor.span(), [](float f) { return f == 1.0f; });
    return one ? grad_weight : multiply_per_slice(grad_weight, factor);
  }
};

/// The sums of products in bfloat16.
Tensor bfloat16_sums(const ProductOperands& operands, const Passes& passes) {
  const Tensor input = in_bfloat16(operands.input, operands.grid);
  if (!operands.wide_sums) return passes.forward(input, operands.weight);
  return split_sums(to_float32(operands.weight),
                    [&](const Tensor& half) { return passes.forward(input, to_bfloat16(half)); });
}

Tensor forward(const ProductOperands& operands, const Variable& bias, const Passes& passes,
               std::int64_t channels) {
  // The scales' product is rounded before it multiplies the sum, as in evaluation.
  std::vector<float> scale;
  for (std::int64_t o = 0; o < channels; ++o)
    scale.push_back(operands.grid.scale * weight_scale_of(operands, o));
  const Tensor& offset_sums = operands.offset_sums;
  std::span<const float> bias_values;
  if (bias.defined()) bias_values = bias.value().span();
  if (operands.kernel != nullptr && !offset_sums.defined())
    return (*operands.kernel)(operands.input, scale, bias_values);

  Tensor output;
  if (operands.kernel != nullptr) {
    output = add_per_place((*operands.kernel)(operands.input, scale, {}), offset_sums);
  } else {
    output = bfloat16_sums(operands, passes);
    if (std::ranges::any_of(scale, [](float s) { return s != 1.0f; }))
      output = multiply_per_channel(output, Tensor::from_row_major({channels}, scale));
  }
  return bias.defined() ? add_per_channel(output, bias.value()) : output;
}

Variable product(const Variable& input, const Variable& weight, const Variable& bias,
                 ProductOperands operands, Passes passes) {
  Tensor output = forward(operands, bias, passes, weight.shape()[0]);
  return record<ProductNode>({input, weight, bias}, std::move(output), std::move(operands),
                             std::move(passes));
}

}  // namespace

std::string_view name_of(Precision precision) {
  return precision == Precision::bfloat16 ? "bfloat16" : "float32";
}

Precision find_precision(std::string_view name, std::string_view what) {
  const bool bfloat16 = name == name_of(Precision::bfloat16);
  require(bfloat16 || name == name_of(Precision::float32),
          "{}: expected float32 or bfloat16, got {}", what, name);
  return bfloat16 ? Precision::bfloat16 : Precision::float32;
}

Variable conv2d(const Variable& input, const Variable& weight, const Variable& bias,
                std::shared_ptr<PreparedConv2d> prepared, ProductOperands operands) {
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
           },
       .backward = [=](const Tensor& x, const Tensor& g,
                       const Tensor& w) { return prepared->backward(x, g, w); }});
}

Variable linear(const Variable& input, const Variable& weight, const Variable& bias,
                ProductOperands operands) {
  const auto backward_input = [](const Tensor& g, const Tensor& w) {
    return matmul(g, false, w, false);
  };
  const auto backward_weight = [](const Tensor& x, const Tensor& g) {
    return matmul(g, true, x, false);
  };
  return product(
      input, weight, bias, std::move(operands),
      {.forward = [](const Tensor& x, const Tensor& w) { return matmul(x, false, w, true); },
       .backward_input = backward_input,
       .backward_weight = backward_weight,
       .backward =
           [=](const Tensor& x, const Tensor& g, const Tensor& w) {
             return OperandGradients{backward_input(g, w), backward_weight(x, g)};
           }});
}

}  // namespace quench
