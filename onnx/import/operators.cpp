#include "onnx/import/operators.h"

#include <algorithm>
#include <array>

#include "onnx/import/constant_folding.h"

namespace quench::onnx_network {
namespace {

template <typename A>
Attributes read(AttributeReader& reader) {
  A attributes;
  attributes.each(reader);
  return attributes;
}

// The struct of an operator's attributes is that of its function's parameter.
template <typename A>
using BuildOf = void (*)(Builder&, const OnnxNode&, const A&);
template <typename A>
using FoldOf = OnnxTensor (*)(const A&, const Constants&);

template <typename A, BuildOf<A> function>
void build(Builder& builder, const OnnxNode& node) {
  function(builder, node, builder.attributes<A>(node));
}

template <typename A, FoldOf<A> function>
OnnxTensor fold(const Attributes& attributes, const Constants& inputs) {
  return function(std::get<A>(attributes), inputs);
}

template <auto build_it, typename A>
constexpr Operator built(std::string_view name, BuildOf<A>) {
  return {name, read<A>, build<A, build_it>, nullptr};
}
template <auto fold_it, typename A>
constexpr Operator folded(std::string_view name, FoldOf<A>) {
  return {name, read<A>, nullptr, fold<A, fold_it>};
}

/// A module computes it.
template <auto build_it>
constexpr Operator built(std::string_view name) {
  return built<build_it>(name, build_it);
}
/// It is computed of constants.
template <auto fold_it>
constexpr Operator folded(std::string_view name) {
  return folded<fold_it>(name, fold_it);
}
template <auto build_it, auto fold_it>
constexpr Operator both(std::string_view name) {
  Operator result = built<build_it>(name);
  result.fold = folded<fold_it>(name).fold;
  return result;
}

constexpr std::array kOperators{
    folded<fold_abs>("Abs"),
    both<build_add, fold_add>("Add"),
    folded<fold_and>("And"),
    built<build_average_pool>("AveragePool"),
    built<build_batch_norm>("BatchNormalization"),
    both<build_cast, fold_cast>("Cast"),
    folded<fold_ceil>("Ceil"),
    both<build_clip, fold_clip>("Clip"),
    both<build_concat, fold_concat>("Concat"),
    folded<fold_constant_of_shape>("ConstantOfShape"),
    built<build_conv>("Conv"),
    both<build_dequantize_linear, fold_dequantize_linear>("DequantizeLinear"),
    both<build_div, fold_div>("Div"),
    built<build_dropout>("Dropout"),
    folded<fold_equal>("Equal"),
    folded<fold_exp>("Exp"),
    folded<fold_expand>("Expand"),
    built<build_flatten>("Flatten"),
    folded<fold_floor>("Floor"),
    folded<fold_gather>("Gather"),
    built<build_gemm>("Gemm"),
    built<build_global_average_pool>("GlobalAveragePool"),
    folded<fold_greater>("Greater"),
    folded<fold_greater_or_equal>("GreaterOrEqual"),
    built<build_hard_sigmoid>("HardSigmoid"),
    built<build_hard_swish>("HardSwish"),
    both<build_identity, fold_identity>("Identity"),
    built<build_leaky_relu>("LeakyRelu"),
    folded<fold_less>("Less"),
    folded<fold_less_or_equal>("LessOrEqual"),
    folded<fold_log>("Log"),
    built<build_softmax>("LogSoftmax"),
    built<build_matmul>("MatMul"),
    folded<fold_max>("Max"),
    built<build_max_pool>("MaxPool"),
    folded<fold_min>("Min"),
    folded<fold_mod>("Mod"),
    both<build_mul, fold_mul>("Mul"),
    folded<fold_neg>("Neg"),
    folded<fold_not>("Not"),
    folded<fold_or>("Or"),
    built<build_pad>("Pad"),
    folded<fold_pow>("Pow"),
    both<build_quantize_linear, fold_quantize_linear>("QuantizeLinear"),
    folded<fold_range>("Range"),
    folded<fold_reciprocal>("Reciprocal"),
    folded<fold_reduce_max>("ReduceMax"),
    both<build_reduce_mean, fold_reduce_mean>("ReduceMean"),
    folded<fold_reduce_min>("ReduceMin"),
    folded<fold_reduce_prod>("ReduceProd"),
    folded<fold_reduce_sum>("ReduceSum"),
    both<build_relu, fold_relu>("Relu"),
    both<build_reshape, fold_reshape>("Reshape"),
    folded<fold_round>("Round"),
    both<build_shape, fold_shape>("Shape"),
    built<build_sigmoid>("Sigmoid"),
    folded<fold_sign>("Sign"),
    both<build_size, fold_size>("Size"),
    both<build_slice, fold_slice>("Slice"),
    built<build_softmax>("Softmax"),
    folded<fold_sqrt>("Sqrt"),
    both<build_squeeze, fold_squeeze>("Squeeze"),
    both<build_sub, fold_sub>("Sub"),
    folded<fold_sum>("Sum"),
    folded<fold_tile>("Tile"),
    both<build_transpose, fold_transpose>("Transpose"),
    both<build_unsqueeze, fold_unsqueeze>("Unsqueeze"),
    folded<fold_where>("Where"),
    both<build_bipolar_quant, fold_bipolar_quant>("qonnx.custom_op.general.BipolarQuant"),
    both<build_quant, fold_quant>("qonnx.custom_op.general.IntQuant"),
    both<build_quant, fold_quant>("qonnx.custom_op.general.Quant"),
};

static_assert(std::ranges::is_sorted(kOperators, {}, &Operator::name));

}  // namespace

std::span<const Operator> operators() { return kOperators; }

const Operator* find_operator(std::string_view name) {
  const auto found = std::ranges::lower_bound(kOperators, name, {}, &Operator::name);
  return found != kOperators.end() && found->name == name ? found : nullptr;
}

}  // namespace quench::onnx_network
