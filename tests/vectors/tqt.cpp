#include "quant/strategies/tqt.h"

#include <array>
#include <cmath>
#include <numbers>

#include "quant/parts/derived_scale.h"
#include "quant/registry.h"
#include "quant/saved_state.h"
#include "train/optimizer.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

/// Sets log2 t as if training had reached it.
std::unique_ptr<Quantizer> make_tqt_at(const Json& params, float log2_t) {
  Settings settings =
      Settings::from({{"act_grid", params.at("signed").get<bool>() ? "signed_full" : "unsigned"}});
  auto quantizer = make_quantizer(
      "tqt",
      {.role = Role::activation, .bits = params.at("bits"), .slot = "case", .settings = settings});
  SavedState state = quantizer->state();
  state["seen"] = state["started"] = state_number(1.0);
  quantizer->load_state(state);
  Variable trained = quantizer->parameters()[0].second;
  trained.mutable_value().copy_from(Tensor::full({1}, log2_t));
  return quantizer;
}

struct TqtCase {
  int bits, fraction_bits;
  CodeRange codes;
  float log2_t;

  explicit TqtCase(const Json& params) : bits(params.at("bits")), log2_t(params.at("log2_t")) {
    const bool with_sign = params.at("signed");
    fraction_bits = with_sign ? bits - 1 : bits;
    const float count = std::ldexp(1.0f, fraction_bits);
    codes = {with_sign ? -count : 0.0f, count - 1.0f};
  }
  DerivedScale scale() const {
    const float s = tqt_scale(log2_t, fraction_bits);
    return {s, s * std::numbers::ln2_v<float>};
  }
};

/// dL/dlog2 t of each element: each as its own channel.
Tensor per_element(const Case& c, const TqtCase& at) {
  const Variable x(tensor(c.inputs.at("x")));
  const Variable trained(Tensor::full(x.shape(), at.log2_t), true);
  const std::vector<DerivedScale> scales(static_cast<std::size_t>(x.value().numel()), at.scale());
  backward(quantize_with_derived_scale(x, trained, scales, at.codes),
           tensor(c.inputs.at("upstream")));
  return gradient(trained);
}

void fake_quant(const Case& c, Comparison& check) {
  const TqtCase at(c.params);
  const Variable x(tensor(c.inputs.at("x")), true);
  Variable log2_t(Tensor::full({1}, at.log2_t), true);
  Variable y;
  const float scale = at.scale().scale;
  if (at.bits <= 8) {
    const auto quantizer = make_tqt_at(c.params, at.log2_t);
    log2_t = quantizer->parameters()[0].second;
    y = quantizer->forward(x);
    check.f32("scale", {double{quantizer->grid().scale[0]}}, c.expect.at("scale"));
    quantizer->set_mode(Mode::evaluation);
    check.exact("q", quantizer->codes(x.value())->values, c.expect.at("q"));
  } else {  // wider than any slot: only the arithmetic
    y = quantize_with_derived_scale(x, log2_t, {at.scale()}, at.codes);
    check.f32("scale", {double{scale}}, c.expect.at("scale"));
    check.exact("q", multiply_scalar(y.value(), 1.0f / scale), c.expect.at("q"));
  }
  backward(y, tensor(c.inputs.at("upstream")));
  const auto grad_log2_t = static_cast<double>(gradient(log2_t).item());
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  check.f32_reduced("grad_log2_t", grad_log2_t, c.expect.at("grad_log2_t"));
  check.f32_reduced("grad_s", grad_log2_t / (double{scale} * std::numbers::ln2),
                    c.expect.at("grad_s"));
  if (c.expect.contains("grad_log2_t_per_element")) {
    check.f32("grad_log2_t_per_element", per_element(c, at),
              c.expect.at("grad_log2_t_per_element"));
  }
}

/// Loss sum (q(x) - x)^2 with only the threshold trained.
void adam_run(const Case& c, Comparison& check) {
  const auto quantizer = make_tqt_at(c.params, c.params.at("log2_t0"));
  const Variable log2_t = quantizer->parameters()[0].second;
  const auto optimizer =
      train::make_optimizer({.name = "adam",
                             .beta1 = c.params.at("beta1"),
                             .beta2 = c.params.at("beta2"),
                             .eps = c.params.at("eps")},
                            {{"log2_t", log2_t, layers::ParameterKind::quantizer}});
  const Variable x(tensor(c.inputs.at("x")));
  std::vector<double> path{static_cast<double>(log2_t.value().item())};
  const auto steps = c.params.at("n_steps").get<std::int64_t>();
  const std::vector<double> gradients = numbers(c.expect.at("grad"));
  for (std::int64_t step = 0; step < steps; ++step) {
    optimizer->zero_grad();
    const Variable y = quantizer->forward(x);
    backward(y, multiply_scalar(subtract(y.value(), x.value()), 2.0f));
    check.f32_reduced("grad", static_cast<double>(gradient(log2_t).item()),
                      gradients[static_cast<std::size_t>(step)]);
    optimizer->step(c.params.at("lr"));
    quantizer->step(step);
    path.push_back(static_cast<double>(log2_t.value().item()));
  }
  check.f32("log2_t", path, c.expect.at("log2_t"));
}

constexpr std::array kOperations{Operation{"tqt.fake_quant", fake_quant},
                                 Operation{"tqt.adam_run", adam_run}};

}  // namespace

std::span<const Operation> tqt_operations() { return kOperations; }

}  // namespace quench::vectors
