#include "layers/quantized_layer.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

#include "autograd/arithmetic.h"
#include "core/ops/bfloat16.h"
#include "core/ops/byte_codes.h"
#include "core/ops/elementwise.h"
#include "core/ops/patch_magnitude.h"
#include "core/ops/split_sums.h"
#include "quant/strategies/none.h"
#include "support/error.h"

namespace quench::layers {
namespace {

/// `factor` times the weight's scale per output channel: converts sums of codes to real values.
std::vector<float> output_scale(float factor, const quant::QuantGrid& weight,
                                std::int64_t channels) {
  std::vector<float> scale;
  for (std::int64_t c = 0; c < channels; ++c)
    scale.push_back(factor * weight.scale[weight.axis == 0 ? static_cast<std::size_t>(c) : 0]);
  return scale;
}

Tensor per_channel(const std::vector<float>& values) {
  return Tensor::from_row_major({std::ssize(values)}, values);
}

void set_codes(kernels::ConvProblem& problem, const quant::QuantGrid& input,
               std::vector<std::int16_t> weight) {
  const ByteGrid grid = quant::byte_grid(input);
  problem.input_max = grid.largest();
  problem.zero_code = grid.zero();
  problem.binary_input = input.binary();
  problem.weight = std::move(weight);
}

/// float32 represents integers up to this exactly, so their sums are exact in any order.
constexpr double kExactSums = 16777216.0;

/// The integers of centered codes.
std::vector<std::int16_t> integers_of(const Tensor& codes) {
  constexpr float kOne = 1.0f;
  return integer_weights(codes, {&kOne, 1}).value();
}

/// The largest sum of |weight| of an output channel.
std::int64_t largest_sum(std::span<const std::int16_t> weight, std::int64_t channels) {
  const std::size_t count = weight.size() / static_cast<std::size_t>(channels);
  std::int64_t largest = 0;
  for (; !weight.empty(); weight = weight.subspan(count)) {
    std::int32_t sum = 0;  // of at most 2^23 weights of 8 bits
    for (const std::int16_t w : weight.first(count)) sum += std::abs(w);
    largest = std::max<std::int64_t>(largest, sum);
  }
  return largest;
}

/// Whether float32 holds every sum of weights times codes up to `largest_code`.
bool sums_are_exact(std::int64_t largest_sum, std::int64_t largest_code) {
  return static_cast<double>(largest_sum) * static_cast<double>(largest_code) < kExactSums;
}

bool active(const quant::Quantizer& quantizer) {
  return quantizer.quantizes() && quantizer.mode() != quant::Mode::bypass;
}

double fan(const Shape& shape, int axis) {
  require(shape.rank() == 2 || shape.rank() == 4,
          "initialize: expected a weight [O, I] or [O, I/groups, KH, KW], got {}",
          shape.to_string());
  const std::int64_t kernel = shape.rank() == 4 ? shape[2] * shape[3] : 1;
  return static_cast<double>(shape[axis] * kernel);
}

template <typename Draw>
Tensor fill(const Shape& shape, Draw draw) {
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  std::ranges::generate(values, draw);
  return Tensor::from_row_major(shape, values);
}

}  // namespace

QuantizedLayer::QuantizedLayer(Tensor weight, bool with_bias)
    : weight_(register_parameter("weight", std::move(weight), ParameterKind::weight)),
      weight_quantizer_(std::make_unique<quant::NoQuantizer>()) {
  if (with_bias) {
    bias_ =
        register_parameter("bias", Tensor::zeros({weight_.value().dim(0)}), ParameterKind::bias);
  }
}

QuantizedLayer::QuantizedLayer(QuantizedLayer& other, const Shape& weight, Bias bias)
    : owner_(&other.weight_owner()), weight_(owner_->weight_) {
  require(weight == weight_.shape(), "{}: expected a shared weight {}, got {}", other.name(),
          weight.to_string(), weight_.shape().to_string());
  require(bias != Bias::shared || other.bias_.defined(),
          "{}: expected a layer with a bias to share, got one without", other.name());
  require(owner_->folded() == nullptr, "{}: expected a shared weight without a folded batch norm",
          other.name());
  owner_->shared_ = true;
  if (bias == Bias::shared) bias_ = other.bias_;
  if (bias == Bias::own)
    bias_ = register_parameter("bias", Tensor::zeros({weight[0]}), ParameterKind::bias);
}

void QuantizedLayer::set_weight_quantizer(std::unique_ptr<quant::Quantizer> quantizer) {
  expect(owns_weight(), "{}: its weight and weight quantizer belong to {}", name(),
         weight_owner().name());
  weight_quantizer_ = std::move(quantizer);
  weight_codes_.reset();
}

std::vector<std::pair<std::string, quant::Quantizer*>> QuantizedLayer::quantizers() {
  auto result = QuantizableModule::quantizers();
  if (owns_weight()) result.emplace_back("weight_quantizer", weight_quantizer_.get());
  return result;
}

double QuantizedLayer::weight_bytes() const {
  if (!owns_weight()) return 0.0;
  const int bits = weight_quantizer_->quantizes() ? weight_quantizer_->bits() : 32;
  return static_cast<double>(weight_.value().numel()) * bits / 8.0;
}

bool QuantizedLayer::evaluates_codes() {
  const auto evaluates = [](const quant::Quantizer& quantizer) {
    return quantizer.quantizes() && quantizer.mode() == quant::Mode::evaluation;
  };
  return evaluates(input_quantizer()) && evaluates(weight_quantizer());
}

const QuantizedLayer::Codes& QuantizedLayer::weight_codes() {
  if (!owns_weight()) return owner_->weight_codes();
  // A weight's grid depends on the weight, on a folded batch norm and on its quantizer's
  // parameters. Versions only grow, so their sum changes if any of them does.
  std::uint64_t version = weight_.value().version();
  if (folded_) version += folded_->version();
  for (const auto& [name, value] : weight_quantizer_->parameters())
    version += value.value().version();
  if (!weight_codes_ || version != codes_version_) {
    weight_codes_ = weight_quantizer_->codes(effective_weight().value());
    weight_reach_ = largest_sum(integers_of(weight_codes_->values), weight_.shape()[0]);
    codes_version_ = version;
    ++codes_count_;
  }
  return *weight_codes_;
}

Variable QuantizedLayer::quantized_weight() {
  if (!owns_weight() && owner_->quantized_.defined()) return owner_->quantized_;
  Variable quantized = weight_quantizer().forward(weight_);
  if (shared_) quantized_ = quantized;
  return quantized;
}

Variable QuantizedLayer::forward(const Variable& input) {
  quantized_ = {};  // from an earlier pass
  // Statistics are re-estimated while quantizers stay fixed.
  if (normalizes() && weight_quantizer_->mode() == quant::Mode::evaluation &&
      folded_->in_training()) {
    folded_->observe(apply(input_quantizer().forward(input), weight_, bias_).value());
  }
  if (evaluates_codes()) return forward_codes(input.value());
  weight_codes_.reset();
  kernel_.reset();
  const Variable output = forward_values(input);
  return gradient_ ? gradient_->forward(output) : output;
}

Variable QuantizedLayer::forward_values(const Variable& input) {
  if (normalizes()) return forward_folded(input);
  const Variable weight = quantized_weight();
  const bool scaled =
      input_quantizer().scales_output() && input_quantizer().mode() != quant::Mode::bypass;
  if (!scaled) return product(input, weight, bias_);
  const Variable output =
      multiply_across_channels(product(input, weight, {}), input_magnitude(input.value()));
  return bias_.defined() ? add_per_channel(output, bias_) : output;
}

bool QuantizedLayer::takes_bfloat16() {
  return !depthwise() && active(input_quantizer()) == active(weight_quantizer());
}

/// The layer's function of its input, which its quantizer has not seen yet, and a quantized weight.
Variable QuantizedLayer::product(const Variable& input, const Variable& weight,
                                 const Variable& bias) {
  std::optional<WeightCodes> codes = codes_of(weight, input.shape());
  const Variable values = codes && codes->kernel ? input_quantizer().forward_bytes(input)
                                                 : input_quantizer().forward(input);
  return product_of(input, values, weight, bias, std::move(codes));
}

/// The same of an input and its quantized values or their bytes.
Variable QuantizedLayer::product_of(const Variable& input, const Variable& values,
                                    const Variable& weight, const Variable& bias,
                                    std::optional<WeightCodes> codes) {
  if (auto operands = operands_of(input, values, weight, std::move(codes))) {
    arithmetic_ = operands->kernel != nullptr ? operands->kernel->name() : "bfloat16";
    return apply(values, weight, bias, std::move(*operands));
  }
  arithmetic_ = "float32";
  return apply(values, weight, bias);
}

bool QuantizedLayer::wants_bfloat16() {
  return precision_ == Precision::bfloat16 && gradients_enabled() && takes_bfloat16();
}

std::optional<QuantizedLayer::WeightCodes> QuantizedLayer::codes_of(const Variable& weight,
                                                                    const Shape& input) {
  if (!active(weight_quantizer()) || !active(input_quantizer())) return std::nullopt;
  if (!integer_forward_ && !wants_bfloat16()) return std::nullopt;
  if (!weight_quantizer().on_grid() || !input_quantizer().on_grid()) return std::nullopt;
  // One that waits may not have a grid yet, and returns its input.
  if (weight.value().shares_storage_with(weight_.value())) return std::nullopt;
  quant::QuantGrid grid = weight_quantizer().grid();
  auto integers = integer_weights(weight.value(), grid.scale);
  if (!integers) return std::nullopt;
  const std::int64_t reach = largest_sum(*integers, weight.shape()[0]);
  const bool kernel = integer_forward_ && kernels::BatchConv::pays(problem(input), input[0], reach);
  return WeightCodes{
      .integers = std::move(*integers), .grid = std::move(grid), .reach = reach, .kernel = kernel};
}

std::optional<ProductOperands> QuantizedLayer::operands_of(const Variable& input,
                                                           const Variable& values,
                                                           const Variable& weight,
                                                           std::optional<WeightCodes> codes) {
  bool bfloat16 = wants_bfloat16();
  if (!active(weight_quantizer()) && bfloat16) {
    return ProductOperands{.input = to_bfloat16(values.value()),
                           .weight = to_bfloat16(weight.value())};
  }
  if (!codes || values.value().shares_storage_with(input.value())) return std::nullopt;
  const quant::QuantGrid of_input = input_quantizer().grid();
  bfloat16 = bfloat16 && of_input.offset == 0.0f;
  if (!codes->kernel && !bfloat16) return std::nullopt;
  std::optional<Tensor> bytes = values.value();
  if (bytes->dtype() != DType::u8) bytes = to_bytes(*bytes, quant::byte_grid(of_input));
  if (!bytes) return std::nullopt;

  ProductOperands operands{
      .input = std::move(*bytes),
      .grid = quant::byte_grid(of_input),
      .binary = of_input.binary(),
      .weight = bfloat16 ? integers_to_bfloat16(codes->integers, weight.shape()) : weight.value(),
      .weight_scale = codes->grid.scale,
      .wide_sums = !sums_are_exact(codes->reach, quant::largest_code(of_input))};
  if (codes->kernel) add_kernel(operands, of_input, std::move(*codes), values.shape());
  return operands;
}

void QuantizedLayer::add_kernel(ProductOperands& operands, const quant::QuantGrid& of_input,
                                WeightCodes codes, const Shape& input) {
  if (of_input.offset != 0.0f) {
    Tensor values(operands.weight.shape());
    std::ranges::copy(codes.integers, values.data());
    operands.offset_sums = offset_sums(input, values, codes.grid, of_input.offset);
  }
  kernels::ConvProblem convolution = problem(input);
  set_codes(convolution, of_input, std::move(codes.integers));
  operands.kernel = std::make_shared<kernels::BatchConv>(std::move(convolution), input[0]);
}

/// What the input grid's offset adds to every image: offset gamma_w (1 . q_w), over the taps inside it.
Tensor QuantizedLayer::offset_sums(const Shape& input, const Tensor& weight_codes,
                                   const quant::QuantGrid& weight, float offset) {
  const Tensor ones = Tensor::full(input.with(0, 1), 1.0f);
  const NoGradGuard values_alone;
  const Tensor taps = apply(Variable(ones), Variable(weight_codes), {}).value();
  return multiply_per_channel(taps, per_channel(output_scale(offset, weight, taps.dim(1))));
}

const kernels::BatchConv* QuantizedLayer::evaluation_kernel(const Codes& input) {
  const Tensor& weight = weight_codes().values;
  const QuantizedLayer& owner = weight_owner();
  const Shape shape = input.values.shape();
  if (!kernel_ || kernel_->codes_count != owner.codes_count_ || kernel_->input != shape ||
      kernel_->grid != input.grid) {
    kernel_ = {
        .codes_count = owner.codes_count_, .input = shape, .grid = input.grid, .kernel = nullptr};
    kernels::ConvProblem codes = problem(shape);
    set_codes(codes, input.grid, {});
    if (kernels::BatchConv::pays(codes, shape[0], owner.weight_reach_)) {
      codes.weight = integers_of(weight);
      kernel_->kernel = std::make_unique<kernels::BatchConv>(std::move(codes), shape[0]);
    }
  }
  return kernel_->kernel.get();
}

/// The sums of products of codes times `scale`; a sum that float32 cannot represent is rounded once.
Tensor QuantizedLayer::scaled_sums(const Codes& input, std::span<const float> scale) {
  if (const kernels::BatchConv* kernel = evaluation_kernel(input)) {
    arithmetic_ = kernel->name();
    ByteGrid integers = quant::byte_grid(input.grid);
    integers.scale = 1.0f;
    integers.offset = 0.0f;
    return (*kernel)(to_bytes(input.values, integers).value(), scale, {});
  }
  arithmetic_ = "float32";
  const Tensor& weight = weight_codes().values;
  const auto sums = [&](const Tensor& codes) {
    return apply(Variable(input.values), Variable(codes), {}).value();
  };
  Tensor output = sums_are_exact(weight_owner().weight_reach_, quant::largest_code(input.grid))
                      ? sums(weight)
                      : split_sums(weight, sums);
  // The usual case for 1 bit, where batch norm replaces the scale.
  const bool unscaled = std::ranges::all_of(scale, [](float s) { return s == 1.0f; });
  return unscaled ? output
                  : multiply_per_channel(output, Tensor::from_row_major({output.dim(1)}, scale));
}

Variable QuantizedLayer::forward_codes(const Tensor& input) {
  const Codes input_codes = input_quantizer().codes(input).value();
  const Codes& weight = weight_codes();
  const float offset = input_codes.grid.offset;
  Tensor output = scaled_sums(
      input_codes, output_scale(input_codes.grid.scale[0], weight.grid, weight.values.dim(0)));
  if (offset != 0.0f)
    output = add_per_place(output, offset_sums(input.shape(), weight.values, weight.grid, offset));
  if (input_quantizer().scales_output())
    output = multiply_across_channels(output, input_magnitude(input));
  if (const Variable bias = effective_bias(); bias.defined())
    output = add_per_channel(output, bias.value());
  return Variable(std::move(output));
}

void QuantizedLayer::fold(BatchNorm& norm) {
  require(!shares_weight(), "{}: folding a batch norm requires a weight that no other layer uses",
          name());
  require(norm.gain().shape() == Shape{weight_.shape()[0]},
          "{}: expected a batch norm with {} channels to fold, got {}", name(), weight_.shape()[0],
          norm.gain().shape()[0]);
  require(!input_quantizer().scales_output(),
          "{}: cannot fold a batch norm: {} scales the output by the size of the input; fold "
          "without it, or keep the batch norm",
          name(), input_quantizer().method());
  folded_.emplace(norm);
  norm.folded_into_ = this;
  weight_codes_.reset();
}

bool QuantizedLayer::normalizes() const {
  return folded_ && weight_quantizer_->mode() != quant::Mode::bypass;
}

Variable QuantizedLayer::effective_weight() const {
  return folded_ ? folded_->weight(weight_) : weight_;
}

Variable QuantizedLayer::effective_bias() const { return folded_ ? folded_->bias(bias_) : bias_; }

Variable QuantizedLayer::forward_folded(const Variable& input) {
  const Variable weight = weight_quantizer_->forward(effective_weight());
  const bool by_batch =
      folded_->in_training() && weight_quantizer_->mode() == quant::Mode::training;
  if (!by_batch) return product(input, weight, effective_bias());
  const Variable values = input_quantizer().forward(input);
  const Variable plain = apply(values, weight_, bias_);
  return folded_->normalize(product_of(input, values, weight, {}, codes_of(weight, input.shape())),
                            plain, bias_);
}

Tensor with_shape(const Shape& shape, Tensor weight) {
  require(weight.shape() == shape, "expected a weight {}, got {}", shape.to_string(),
          weight.shape().to_string());
  return weight;
}

Tensor glorot_uniform(const Shape& shape, Random& random) {
  const auto limit = static_cast<float>(std::sqrt(6.0 / (fan(shape, 0) + fan(shape, 1))));
  return fill(shape, [&] { return random.uniform(-limit, limit); });
}

}  // namespace quench::layers
