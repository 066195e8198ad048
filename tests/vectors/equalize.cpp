#include "ptq/equalize.h"

#include <array>

#include "core/ops/elementwise.h"
#include "layers/linear.h"
#include "ptq/bias_correction.h"
#include "quant/registry.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::layers;
using namespace quench::ptq;

std::unique_ptr<Linear> linear_of(const Tensor& weight, const Tensor& bias) {
  Random random(1, "case");
  auto layer = std::make_unique<Linear>(
      LinearOptions{
          .in_features = weight.dim(1), .out_features = weight.dim(0), .bias = bias.defined()},
      random);
  Variable(layer->weight()).mutable_value().copy_from(weight);
  if (bias.defined()) Variable(layer->bias()).mutable_value().copy_from(bias);
  return layer;
}

void pair(const Case& c, Comparison& out) {
  const auto first = linear_of(tensor(c.inputs.at("w1")), tensor(c.inputs.at("b1")));
  const auto second = linear_of(tensor(c.inputs.at("w2")), {});
  const Tensor s = equalize_pair({first.get(), nullptr}, *second);
  out.f32("s", s, c.expect.at("s"));
  out.f32("w1_eq", first->weight().value(), c.expect.at("w1_eq"));
  out.f32("b1_eq", first->bias().value(), c.expect.at("b1_eq"));
  out.f32("w2_eq", second->weight().value(), c.expect.at("w2_eq"));
}

void expected_input(const Case& c, Comparison& out) {
  const Tensor w = tensor(c.inputs.at("w"));
  const auto quantizer = quant::make_quantizer(
      "ste", {.role = quant::Role::weight, .bits = c.params.at("bits"), .slot = "case"});
  quantizer->set_mode(quant::Mode::evaluation);
  const Tensor quantized = quantizer->forward(Variable(w)).value();
  out.f32("scale", {quantizer->grid().scale[0]}, c.expect.at("scale"));
  out.f32("w_q", quantized, c.expect.at("w_q"));
  const Tensor error = mean_output_error(w, quantized, tensor(c.inputs.at("expected_input")));
  out.f32("delta", error, c.expect.at("delta"));
  out.f32("b_corrected", subtract(tensor(c.inputs.at("b")), error), c.expect.at("b_corrected"));
}

void clipped_mean(const Case& c, Comparison& out, Activation activation) {
  const std::vector<double> beta = numbers(c.inputs.at("beta")),
                            gamma = numbers(c.inputs.at("gamma"));
  std::vector<double> means;
  for (std::size_t i = 0; i < beta.size(); ++i)
    means.push_back(clipped_normal_mean(beta[i], gamma[i], range_of(activation)));
  out.f64("mean", means, c.expect.at("mean"));
}

constexpr std::array kOperations{
    Operation{"cle.pair", pair}, Operation{"bias_correction.expected_input", expected_input},
    Operation{"bias_correction.relu_mean",
              [](const Case& c, Comparison& out) { clipped_mean(c, out, Activation::relu); }},
    Operation{"bias_correction.relu6_mean",
              [](const Case& c, Comparison& out) { clipped_mean(c, out, Activation::relu6); }}};

}  // namespace

std::span<const Operation> equalize_operations() { return kOperations; }

}  // namespace quench::vectors
