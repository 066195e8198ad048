#include "onnx/import/operators.h"

#include <algorithm>
#include <array>

#include "onnx/import/constant_folding.h"

namespace quench::onnx {
namespace {

template <typename A>
Attributes read(AttributeReader& reader) {
  A attributes;
  attributes.each(reader);
  return attributes;
}

// The function's parameter determines the struct of an operator's attributes.
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

/// An operator that a module computes.
template <auto build_it>
constexpr Operator built(std::string_view name) {
  return built<build_it>(name, build_it);
}
/// An operator that is evaluated on constants.
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
    both<build_batch_norm, fold_batch_norm>("BatchNormalization"),
    both<build_cast, fold_cast>("Cast"),
    folded<fold_ceil>("Ceil"),
    both<build_clip, fold_clip>("Clip"),
    both<build_concat, fold_concat>("Concat"),
    folded<fold_constant_of_shape>("ConstantOfShape"),
    built<build_conv>("Conv"),
    built<build_conv_transpose>("ConvTranspose"),
    built<build_depth_to_space>("DepthToSpace"),
    both<build_dequantize_linear, fold_dequantize_linear>("DequantizeLinear"),
    both<build_div, fold_div>("Div"),
    built<build_dropout>("Dropout"),
    built<build_elu>("Elu"),
    folded<fold_equal>("Equal"),
    built<build_function<Pointwise::Kind::erf>>("Erf"),
    both<build_function<Pointwise::Kind::exp>, fold_exp>("Exp"),
    both<build_expand, fold_expand>("Expand"),
    built<build_flatten>("Flatten"),
    both<build_function<Pointwise::Kind::floor>, fold_floor>("Floor"),
    both<build_gather, fold_gather>("Gather"),
    built<build_gelu>("Gelu"),
    built<build_gemm>("Gemm"),
    built<build_global_average_pool>("GlobalAveragePool"),
    built<build_global_max_pool>("GlobalMaxPool"),
    folded<fold_greater>("Greater"),
    folded<fold_greater_or_equal>("GreaterOrEqual"),
    built<build_group_norm>("GroupNormalization"),
    built<build_hard_sigmoid>("HardSigmoid"),
    built<build_function<Pointwise::Kind::hard_swish>>("HardSwish"),
    both<build_identity, fold_identity>("Identity"),
    built<build_instance_norm>("InstanceNormalization"),
    built<build_lrn>("LRN"),
    built<build_layer_norm>("LayerNormalization"),
    built<build_leaky_relu>("LeakyRelu"),
    folded<fold_less>("Less"),
    folded<fold_less_or_equal>("LessOrEqual"),
    folded<fold_log>("Log"),
    built<build_softmax>("LogSoftmax"),
    built<build_matmul>("MatMul"),
    both<build_max, fold_max>("Max"),
    built<build_max_pool>("MaxPool"),
    both<build_min, fold_min>("Min"),
    built<build_function<Pointwise::Kind::mish>>("Mish"),
    folded<fold_mod>("Mod"),
    both<build_mul, fold_mul>("Mul"),
    both<build_neg, fold_neg>("Neg"),
    folded<fold_not>("Not"),
    folded<fold_or>("Or"),
    built<build_prelu>("PRelu"),
    built<build_pad>("Pad"),
    both<build_pow, fold_pow>("Pow"),
    both<build_quantize_linear, fold_quantize_linear>("QuantizeLinear"),
    folded<fold_range>("Range"),
    folded<fold_reciprocal>("Reciprocal"),
    both<build_reduce_l2, fold_reduce_l2>("ReduceL2"),
    both<build_reduce_max, fold_reduce_max>("ReduceMax"),
    both<build_reduce_mean, fold_reduce_mean>("ReduceMean"),
    folded<fold_reduce_min>("ReduceMin"),
    folded<fold_reduce_prod>("ReduceProd"),
    both<build_reduce_sum, fold_reduce_sum>("ReduceSum"),
    both<build_relu, fold_relu>("Relu"),
    both<build_reshape, fold_reshape>("Reshape"),
    built<build_resize>("Resize"),
    folded<fold_round>("Round"),
    built<build_selu>("Selu"),
    both<build_shape, fold_shape>("Shape"),
    built<build_function<Pointwise::Kind::sigmoid>>("Sigmoid"),
    folded<fold_sign>("Sign"),
    both<build_size, fold_size>("Size"),
    both<build_slice, fold_slice>("Slice"),
    built<build_softmax>("Softmax"),
    built<build_function<Pointwise::Kind::softplus>>("Softplus"),
    built<build_space_to_depth>("SpaceToDepth"),
    built<build_split>("Split"),
    both<build_function<Pointwise::Kind::sqrt>, fold_sqrt>("Sqrt"),
    both<build_squeeze, fold_squeeze>("Squeeze"),
    both<build_sub, fold_sub>("Sub"),
    both<build_sum, fold_sum>("Sum"),
    built<build_function<Pointwise::Kind::tanh>>("Tanh"),
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

}  // namespace quench::onnx
