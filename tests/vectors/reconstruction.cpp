#include <array>
#include <cmath>

#include "autograd/arithmetic.h"
#include "autograd/loss.h"
#include "ptq/reconstruction/fisher.h"
#include "ptq/reconstruction/trained_step.h"
#include "ptq/thresholds.h"
#include "quant/parts/derived_scale.h"
#include "vectors/operations.h"
#include "vectors/rounding.h"

namespace quench::vectors {
namespace {

using namespace quench::ptq;

void norm(const Case& c, Comparison& out) {
  const Variable pred(tensor(c.inputs.at("pred")), true);
  const Variable loss = lp_loss(pred, tensor(c.inputs.at("target")),
                                static_cast<float>(c.params.at("p").get<double>()));
  loss.backward();
  out.f32_reduced("loss", double{loss.value().item()}, c.expect.at("loss"));
  out.f32("grad_pred", pred.grad(), c.expect.at("grad_pred"));
}

void mix_inputs(const Case& c, Comparison& out) {
  out.f32(
      "y",
      mix(Variable(tensor(c.inputs.at("x_quantized"))), Variable(tensor(c.inputs.at("x_float"))),
          tensor(c.inputs.at("uniform")), c.params.at("prob"))
          .value(),
      c.expect.at("y"));
}

/// x on an unsigned grid, as a function of its step.
Variable on_grid(const Variable& x, const Variable& step, int bits, int zero_point) {
  const auto high = static_cast<float>((1 << bits) - 1 - zero_point);
  return quant::quantize_with_derived_scale(x, step,
                                            {{.scale = step.value().item(), .slope = 1.0f}},
                                            {.low = static_cast<float>(-zero_point), .high = high});
}

Variable step_of(const Json& scale) {
  return Variable(Tensor::full({1}, static_cast<float>(scale.get<double>())), true);
}

void dropped_activation(const Case& c, Comparison& out) {
  const Variable x(tensor(c.inputs.at("x")), true), step = step_of(c.params.at("scale"));
  const Variable quantized = on_grid(x, step, c.params.at("bits"), c.params.at("zero_point"));
  const Variable y = mix(quantized, x, tensor(c.inputs.at("uniform")), c.params.at("prob"));
  backward(y, tensor(c.inputs.at("upstream")));
  out.f32("y", y.value(), c.expect.at("y"));
  const float zero_point = c.params.at("zero_point"), scale = step.value().item();
  out.exact("q",
            map(quantized.value(), [=](float v) { return std::nearbyint(v / scale) + zero_point; }),
            c.expect.at("q"));
  out.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  // Adam is invariant to the factor of grad_scale_lsq.
  out.f32_reduced("grad_scale_raw", double{gradient(step).item()}, c.expect.at("grad_scale_raw"));
}

void activation_step(const Case& c, Comparison& out) {
  const Variable step = step_of(c.params.at("scale"));
  const Variable y =
      on_grid(relu(Variable(tensor(c.inputs.at("x")))), step, c.params.at("bits"), 0);
  const Variable loss =
      lp_loss(y, tensor(c.inputs.at("target")), static_cast<float>(c.params.at("p").get<double>()));
  loss.backward();
  out.f32("y", y.value(), c.expect.at("y"));
  out.f32_reduced("loss", double{loss.value().item()}, c.expect.at("loss"));
  out.f32_reduced("grad_scale", double{gradient(step).item()}, c.expect.at("grad_scale"));
}

SoftRounding rounding_of(const Case& c, const std::string& number) {
  SoftRounding rounding(tensor(c.inputs.at("w" + number)),
                        weight_grid(c, ("scale" + number).c_str()), {});
  rounding.set_v(tensor(c.inputs.at("v" + number)));
  return rounding;
}

void block(const Case& c, Comparison& out) {
  const SoftRounding first = rounding_of(c, "1"), second = rounding_of(c, "2");
  const Variable w1(first.weight(), true), w2(second.weight(), true);
  const Variable x(tensor(c.inputs.at("x"))), step = step_of(c.params.at("act_scale"));
  const Variable inner = relu(layer_output(c, x, w1));
  const Variable dropped = mix(on_grid(inner, step, c.params.at("act_bits"), 0), inner,
                               tensor(c.inputs.at("uniform")), c.params.at("prob"));
  const Variable y = relu(add(layer_output(c, dropped, w2), x));
  const Variable loss = lp_loss(y, tensor(c.inputs.at("target")), 2.0f);
  loss.backward();
  out.f32("output", y.value(), c.expect.at("output"));
  out.f32_reduced("loss", double{loss.value().item()}, c.expect.at("loss"));
  out.f32("grad_v1", first.gradient(w1.grad()), c.expect.at("grad_v1"));
  out.f32("grad_v2", second.gradient(w2.grad()), c.expect.at("grad_v2"));
  out.f32_reduced("grad_act_scale", double{gradient(step).item()}, c.expect.at("grad_act_scale"));
}

void offset(const Case& c, Comparison& out) {
  OffsetRounding rounding(tensor(c.inputs.at("w")), weight_grid(c),
                          {.lr = c.params.at("lr"), .iterations = 200});
  rounding.set_offset(tensor(c.inputs.at("offset")));
  const Tensor upstream = tensor(c.inputs.at("upstream"));
  out.exact("q", rounding.current_codes(), c.expect.at("q"));
  out.f32("w_q", rounding.weight(), c.expect.at("w_q"));
  out.f32("grad_offset", rounding.gradient(upstream), c.expect.at("grad_offset"));
  rounding.step(1, 0.0, upstream);
  out.f32("offset_after_sign_step", rounding.offset(), c.expect.at("offset_after_sign_step"));
}

void fisher(const Case& c, Comparison& out) {
  const Variable pred(tensor(c.inputs.at("pred")), true);
  const auto damping = static_cast<float>(c.params.at("damping").get<double>());
  const Tensor weight =
      map(tensor(c.inputs.at("grad_output")), [=](float g) { return std::abs(g) + damping; });
  const Fisher kind = c.params.at("kind") == "full" ? Fisher::full : Fisher::diagonal;
  const Variable loss = fisher_loss(pred, tensor(c.inputs.at("target")), weight, kind);
  loss.backward();
  out.f32_reduced("loss", double{loss.value().item()}, c.expect.at("loss"));
  out.f32("grad_pred", pred.grad(), c.expect.at("grad_pred"));
}

void asymmetric_search(const Case& c, Comparison& out) {
  const Tensor x = tensor(c.inputs.at("x"));
  const quant::ValueRange reach = quant::range_of(quant::extent(x.span()));
  const RangeSearch search = lp_range(x.span(), {}, reach, c.params.at("bits"));
  out.exact("best_i", {static_cast<double>(search.best)}, c.expect.at("best_i"));
  out.f32("scale", {double{search.grid.scale[0]}}, c.expect.at("scale"));
  out.exact("zero_point", {static_cast<double>(search.grid.zero_point[0])},
            c.expect.at("zero_point"));
  out.f32("score", {search.objective[search.best]}, c.expect.at("score"));
  out.exact("candidates", {static_cast<double>(search.objective.size())},
            c.params.at("candidates"));
}

constexpr std::array kOperations{Operation{"recon.lp_loss", norm},
                                 Operation{"recon.fisher_loss", fisher},
                                 Operation{"recon.mse_init", asymmetric_search},
                                 Operation{"recon.block", block},
                                 Operation{"qdrop.mix", mix_inputs},
                                 Operation{"qdrop.act", dropped_activation},
                                 Operation{"brecq.act_step", activation_step},
                                 Operation{"round_offset.weight", offset}};

}  // namespace

std::span<const Operation> reconstruction_operations() { return kOperations; }

}  // namespace quench::vectors
