#include "layers/quantized_layer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/arithmetic.h"
#include "core/ops/bfloat16.h"
#include "core/ops/elementwise.h"
#include "core/ops/patch_magnitude.h"
#include "core/ops/split_sums.h"
#include "core/parallel.h"
#include "quant/strategies/none.h"
#include "support/error.h"

namespace quench::layers {
namespace {

/// `factor` times the weight's scale per output channel: converts sums of codes to real values.
Tensor output_scale(float factor, const quant::QuantGrid& weight, std::int64_t channels) {
  Tensor scale({channels});
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::size_t group = weight.axis == 0 ? static_cast<std::size_t>(c) : 0;
    scale.data()[c] = factor * weight.scale[group];
  }
  return scale;
}

/// float32 represents integers up to this exactly, so their sums are exact in any order.
constexpr double kExactSums = 16777216.0;

/// The largest sum of |code| over the weights of one output channel.
double largest_sum(const Tensor& codes) {
  const std::int64_t count = codes.numel() / codes.dim(0);
  double largest = 0.0;
  for (std::int64_t o = 0; o < codes.dim(0); ++o) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i)
      sum += static_cast<double>(std::abs(codes.data()[o * count + i]));
    largest = std::max(largest, sum);
  }
  return largest;
}

/// Whether float32 holds every sum of weight codes times input codes up to `largest_input`.
bool sums_are_exact(const Tensor& weight, const quant::QuantGrid& grid,
                    std::int64_t largest_input) {
  std::int64_t largest_weight = 0;
  for (const std::int32_t zero : grid.zero_point)
    largest_weight = std::max<std::int64_t>({largest_weight, grid.qmax - zero, zero - grid.qmin});
  const std::int64_t terms = weight.numel() / weight.dim(0);
  const auto limit = kExactSums / static_cast<double>(largest_input);
  if (static_cast<double>(terms * largest_weight) < limit) return true;
  // The bound by the codes at hand; a rounded quotient cannot bring the sum of codes past it unseen.
  const Tensor codes = quant::centered_codes(weight, grid);
  return largest_sum(codes) < limit;
}

bool active(const quant::Quantizer& quantizer) {
  return quantizer.quantizes() && quantizer.mode() != quant::Mode::bypass;
}

/// Adds `row` [1, ...] to every image of the batch.
Tensor add_to_each_image(const Tensor& batch, const Tensor& row) {
  Tensor out(batch.shape());
  const std::int64_t size = row.numel();
  const float* from = batch.data();
  const float* addend = row.data();
  float* to = out.data();
  parallel_for(batch.dim(0), 1, [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first * size; i < last * size; ++i) to[i] = from[i] + addend[i % size];
  });
  return out;
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
    weight_reach_ = largest_sum(weight_codes_->values);
    codes_version_ = version;
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
  const Variable output = forward_values(input);
  return gradient_ ? gradient_->forward(output) : output;
}

Variable QuantizedLayer::forward_values(const Variable& input) {
  const Variable values = input_quantizer().forward(input);
  if (normalizes()) return forward_folded(values);
  const Variable weight = quantized_weight();
  const bool scaled =
      input_quantizer().scales_output() && input_quantizer().mode() != quant::Mode::bypass;
  if (!scaled) return product(values, weight, bias_);
  const Variable output =
      multiply_across_channels(product(values, weight, {}), input_magnitude(input.value()));
  return bias_.defined() ? add_per_channel(output, bias_) : output;
}

bool QuantizedLayer::takes_bfloat16() {
  return !depthwise() && active(input_quantizer()) == active(weight_quantizer());
}

Variable QuantizedLayer::product(const Variable& input, const Variable& weight,
                                 const Variable& bias) {
  if (auto operands = bfloat16_operands(input, weight))
    return apply(input, weight, bias, std::move(*operands));
  return apply(input, weight, bias);
}

std::optional<BFloat16Operands> QuantizedLayer::bfloat16_operands(const Variable& input,
                                                                  const Variable& weight) {
  if (precision_ == Precision::float32 || !gradients_enabled() || !takes_bfloat16())
    return std::nullopt;
  if (!active(weight_quantizer())) {
    return BFloat16Operands{.input = to_bfloat16(input.value()),
                            .weight = to_bfloat16(weight.value())};
  }
  // A method may blend, or wait, at first. One that waits may not have a grid yet, and hands on the weight.
  if (weight.value().shares_storage_with(weight_.value())) return std::nullopt;
  const quant::QuantGrid of_input = input_quantizer().grid(), of_weight = weight_quantizer().grid();
  if (of_input.offset != 0.0f) return std::nullopt;
  std::optional<Tensor> weight_operand = codes_to_bfloat16(weight.value(), of_weight.scale);
  if (!weight_operand) return std::nullopt;
  std::optional<Tensor> input_operand = codes_to_bfloat16(input.value(), of_input.scale);
  if (!input_operand) return std::nullopt;
  return BFloat16Operands{
      .input = std::move(*input_operand),
      .weight = std::move(*weight_operand),
      .input_scale = of_input.scale[0],
      .weight_scale = of_weight.scale,
      .wide_sums = !sums_are_exact(weight.value(), of_weight, quant::largest_code(of_input))};
}

/// The sums of products as float32, rounded once if float32 cannot represent them.
Tensor QuantizedLayer::sums_of(const Codes& input) {
  const Tensor& weight = weight_codes().values;
  const auto sums = [&](const Tensor& codes) {
    return apply(Variable(input.values), Variable(codes), {}).value();
  };
  if (weight_owner().weight_reach_ * static_cast<double>(quant::largest_code(input.grid)) <
      kExactSums)
    return sums(weight);
  return split_sums(weight, sums);
}

Variable QuantizedLayer::forward_codes(const Tensor& input) {
  const Codes input_codes = input_quantizer().codes(input).value();
  const Codes& weight = weight_codes();
  Tensor output = sums_of(input_codes);
  const Tensor scale = output_scale(input_codes.grid.scale[0], weight.grid, output.dim(1));
  // The usual case for 1 bit, where batch norm replaces the scale.
  const bool unscaled = std::ranges::all_of(scale.span(), [](float s) { return s == 1.0f; });
  if (!unscaled) output = multiply_per_channel(output, scale);
  if (const float offset = input_codes.grid.offset; offset != 0.0f) {
    const Tensor ones = Tensor::full(input.shape().with(0, 1), 1.0f);
    const Tensor taps = apply(Variable(ones), Variable(weight.values), {}).value();
    output = add_to_each_image(
        output, multiply_per_channel(taps, output_scale(offset, weight.grid, taps.dim(1))));
  }
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

Variable QuantizedLayer::forward_folded(const Variable& quantized) {
  const Variable weight = weight_quantizer_->forward(effective_weight());
  const bool by_batch =
      folded_->in_training() && weight_quantizer_->mode() == quant::Mode::training;
  if (!by_batch) return product(quantized, weight, effective_bias());
  const Variable plain = apply(quantized, weight_, bias_);
  return folded_->normalize(product(quantized, weight, {}), plain, bias_);
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
