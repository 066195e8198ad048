#include "quant/strategies/ppq.h"

#include <algorithm>
#include <array>

#include "quant/grid.h"
#include "quant/parts/activation_grid.h"
#include "quant/registry.h"
#include "quant/saved_state.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

/// The weights of "ab" are algorithm 2's, even if it ends early: in training, evaluation and export.
void check_ab_weight(const Case& c, Comparison& check) {
  Settings settings = Settings::from({{"ppq_updates", c.params.at("max_iter").get<int>()}});
  const auto quantizer = make_quantizer(
      "ab",
      {.bits = c.params.at("bits"),
       .granularity = c.params.at("axis") == 0 ? Granularity::per_channel : Granularity::per_tensor,
       .slot = "case",
       .settings = settings});
  quantizer->begin_training({.total_steps = 1});
  quantizer->load_state({{"alpha", state_number(1.0)}, {"next_step", state_number(1.0)}});
  const Tensor w = tensor(c.inputs.at("x"));
  check.f32("x_q", quantizer->forward(Variable(w)).value(), c.expect.at("x_q"));
  quantizer->set_mode(Mode::evaluation);
  check.f32("x_q", quantizer->forward(Variable(w)).value(), c.expect.at("x_q"));
  const auto codes = quantizer->codes(w);
  check.exact("q", codes->values, c.expect.at("q"));
  check.f32("gamma", {codes->grid.scale.begin(), codes->grid.scale.end()}, c.expect.at("gamma"));
}

/// The start of a fit, and the scale after each update, as the result of a fit with that limit.
std::vector<double> history(std::span<const float> x, int bits, PpqOptions options,
                            const PpqResult& result) {
  if (result.degenerate) return {};
  const Extent reach = extent(x);
  const double cold = options.unsigned_codes
                          ? double{reach.max} / unsigned_grid(bits).qmax
                          : double{reach.max_abs} / signed_narrow_grid(bits).qmax;
  std::vector<double> gammas{options.gamma > 0.0 ? options.gamma : cold};
  for (options.max_updates = 1; options.max_updates <= result.updates; ++options.max_updates)
    gammas.push_back(quant::ppq(x, bits, options).gamma);
  return gammas;
}

void ppq_quantize(const Case& c, Comparison& check) {
  const bool is_unsigned = c.params.at("unsigned");
  const int bits = c.params.at("bits");
  const std::vector<double> x = numbers(c.inputs.at("x"));
  const std::vector<float> floats(x.begin(), x.end());
  const auto groups = numbers(c.expect.at("gamma")).size();
  const std::size_t slice = x.size() / groups;

  std::vector<double> gammas, codes, values, updates, converged;
  double squares = 0.0;
  for (std::size_t group = 0; group < groups; ++group) {
    const std::span<const float> part = std::span(floats).subspan(group * slice, slice);
    const PpqOptions options{.max_updates = c.params.at("max_iter"),
                             .unsigned_codes = is_unsigned,
                             .gamma = c.params.at("gamma_init")};
    const PpqResult result = quant::ppq(part, bits, options);
    QuantGrid grid = is_unsigned ? unsigned_grid(bits) : signed_narrow_grid(bits);
    grid.scale[0] = static_cast<float>(result.code_gamma);
    const Tensor q = centered_codes(
        Tensor::from_row_major<float>({static_cast<std::int64_t>(slice)}, part), grid);
    for (std::size_t i = 0; i < slice; ++i) {
      codes.push_back(q.data()[i]);
      values.push_back(result.gamma * double{q.data()[i]});
      const double error = double{part[i]} - values.back();
      squares += error * error;
    }
    check.f64("gamma_history", history(part, bits, options, result),
              c.expect.at("gamma_history").at(group));
    gammas.push_back(result.gamma);
    updates.push_back(result.updates);
    converged.push_back(result.converged ? 1.0 : 0.0);
  }
  check.f64("gamma", gammas, c.expect.at("gamma"));
  check.exact("q", codes, c.expect.at("q"));
  check.f64("x_q", values, c.expect.at("x_q"));
  check.exact("updates", updates, c.expect.at("updates"));
  check.exact("converged", converged, c.expect.at("converged"));
  check.f64("mse", {squares / static_cast<double>(x.size())}, c.expect.at("mse"));
  if (!is_unsigned && c.params.at("gamma_init") == 0.0) check_ab_weight(c, check);
}

void ppq_ema(const Case& c, Comparison& check) {
  ActivationScale scale(c.params.at("momentum"));
  std::vector<double> averages;
  for (const Json& batch : c.params.at("batches")) {
    scale.add(batch.is_null() ? 0.0 : batch.get<double>());
    averages.push_back(scale.average());
  }
  check.f64("gamma_ema", averages, c.expect.at("gamma_ema"));
}

constexpr std::array kOperations{Operation{"ppq.quantize", ppq_quantize},
                                 Operation{"ppq.ema", ppq_ema}};

}  // namespace

std::span<const Operation> ppq_operations() { return kOperations; }

}  // namespace quench::vectors
