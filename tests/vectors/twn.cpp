#include "quant/strategies/twn.h"

#include <array>

#include "quant/registry.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

void twn_quantize(const Case& c, Comparison& check) {
  const bool per_channel = c.params.at("axis").get<int>() == 0;
  const double factor = c.params.at("factor");
  const Tensor w = tensor(c.inputs.at("w"));

  std::vector<double> deltas, alphas;
  for (const Ternary& slice : ternary_by_threshold(w, factor, per_channel, "case")) {
    deltas.push_back(slice.delta);
    alphas.push_back(slice.alpha);
  }
  check.f64("delta", deltas, c.expect.at("delta"));
  check.f64("alpha", alphas, c.expect.at("alpha"));
  if (c.expect.contains("exact_k")) {
    const Ternary best = ternary_optimum(w, per_channel, "case")[0];
    check.exact("exact_k", {static_cast<double>(best.count)}, c.expect.at("exact_k"));
    check.f64("exact_alpha", {best.alpha}, c.expect.at("exact_alpha"));
  }

  Settings settings = Settings::from({{"threshold_factor", factor}});
  const SlotSpec spec{
      .bits = 2,
      .granularity = per_channel ? Granularity::per_channel : Granularity::per_tensor,
      .channels = per_channel ? w.dim(0) : 1,
      .slot = "case",
      .settings = settings};
  const auto quantizer = make_quantizer("twn", spec);
  const Variable leaf(w, true);
  const Variable y = quantizer->forward(leaf);
  check.f32("w_t", y.value(), c.expect.at("w_t"));
  if (c.inputs.contains("upstream")) {
    backward(y, tensor(c.inputs.at("upstream")));
    check.f32("grad_w", gradient(leaf), c.expect.at("grad_w"));
  }
  quantizer->set_mode(Mode::evaluation);
  check.exact("t", quantizer->codes(w)->values, c.expect.at("t"));
}

constexpr std::array kOperations{Operation{"twn.quantize", twn_quantize}};

}  // namespace

std::span<const Operation> twn_operations() { return kOperations; }

}  // namespace quench::vectors
