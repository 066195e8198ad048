#include "quant/registry.h"

#include <algorithm>
#include <array>
#include <deque>

#include "quant/strategies/ab.h"
#include "quant/strategies/affine.h"
#include "quant/strategies/apot.h"
#include "quant/strategies/approx_sign.h"
#include "quant/strategies/bwn.h"
#include "quant/strategies/dorefa.h"
#include "quant/strategies/dsq.h"
#include "quant/strategies/ewgs.h"
#include "quant/strategies/fat.h"
#include "quant/strategies/lsq.h"
#include "quant/strategies/lsq_plus.h"
#include "quant/strategies/noise.h"
#include "quant/strategies/none.h"
#include "quant/strategies/pact.h"
#include "quant/strategies/ste.h"
#include "quant/strategies/tqt.h"
#include "quant/strategies/twn.h"
#include "quant/strategies/xnor.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::quant {
namespace {

struct Strategy {
  StrategyInfo info;
  QuantizerFactory make;
};

// A table rather than self-registering globals: a static library drops objects that nobody names.
std::deque<Strategy>& strategies() {
  static std::deque<Strategy> table{
      {{.name = "none", .summary = "values as they are", .per_channel = true}, make_none},
      {{.name = "ste",
        .summary = "sign or symmetric grid, straight-through gradient",
        .paper = "Courbariaux et al. 2016, arXiv:1602.02830",
        .per_channel = true,
        .weight_gradient = Estimator::identity,
        .activation_gradient = Estimator::window},
       make_ste},
      {{.name = "affine",
        .summary = "integer zero point, range of the weight or averaged over batches",
        .paper = "Jacob et al. 2018, arXiv:1712.05877",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true,
        .granularity = Granularity::per_channel,
        .weight_gradient = Estimator::window,
        .activation_gradient = Estimator::window,
        .trains = "min, max (option)"},
       make_affine},
      {{.name = "symmetric",
        .summary = "as affine with zero point 0",
        .paper = "Krishnamoorthi 2018, arXiv:1806.08342",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true,
        .granularity = Granularity::per_channel,
        .weight_gradient = Estimator::identity,
        .activation_gradient = Estimator::window},
       make_symmetric},
      {{.name = "ab",
        .summary = "float fades into quantized, no gradient estimator",
        .paper = "Liu & Mattina 2019, arXiv:1903.01061",
        .per_channel = true},
       make_ab},
      {{.name = "bwn",
        .summary = "sign times the mean magnitude of the filter",
        .paper = "Rastegari et al. 2016, arXiv:1603.05279",
        .weight_bits = {1, 1},
        .activation_bits = {0, 0},
        .per_channel = true,
        .granularity = Granularity::per_channel},
       make_bwn},
      {{.name = "xnor",
        .summary = "bwn's weights, sign of activations, output scaled by the mean input (option)",
        .paper = "Rastegari et al. 2016, arXiv:1603.05279",
        .weight_bits = {1, 1},
        .activation_bits = {1, 1},
        .per_channel = true,
        .granularity = Granularity::per_channel,
        .activation_gradient = Estimator::window},
       make_xnor},
      {{.name = "twn",
        .summary = "-1, 0, +1 by a threshold, straight-through gradient",
        .paper = "Li & Liu 2016, arXiv:1605.04711",
        .weight_bits = {2, 2},
        .activation_bits = {0, 0},
        .per_channel = true,
        .weight_gradient = Estimator::identity},
       make_twn},
      {{.name = "approx_sign",
        .summary = "sign with a triangular gradient, or SwishSign's",
        .paper = "Liu et al. 2018, arXiv:1808.00278",
        .weight_bits = {0, 0},
        .activation_bits = {1, 1},
        .partner = "bwn"},
       make_approx_sign},
      {{.name = "lsq",
        .summary = "trained step size, straight-through gradient",
        .paper = "Esser et al. 2020, arXiv:1902.08153",
        .weight_bits = {2, 8},
        .per_channel = true,
        .weight_gradient = Estimator::window,
        .activation_gradient = Estimator::window,
        .trains = "step"},
       make_lsq},
      {{.name = "lsq_plus",
        .summary = "trained step size, and a trained offset for activations",
        .paper = "Bhalgat et al. 2020, arXiv:2004.09576",
        .weight_bits = {2, 8},
        .per_channel = true,
        .weight_gradient = Estimator::window,
        .activation_gradient = Estimator::window,
        .trains = "step, offset"},
       make_lsq_plus},
      {{.name = "pact",
        .summary = "ReLU with a trained clip, which learns from what it clips",
        .paper = "Choi et al. 2018, arXiv:1805.06085",
        .weight_bits = {0, 0},
        .activation_gradient = Estimator::window,
        .trains = "clip",
        .partner = "dorefa"},
       make_pact},
      {{.name = "apot",
        .summary = "sums of powers of two below a trained clip, normalized weights",
        .paper = "Li et al. 2020, arXiv:1909.13144",
        .weight_bits = {2, 6},
        .activation_bits = {2, 5},
        .activation_gradient = Estimator::window,
        .trains = "clip"},
       make_apot},
      {{.name = "dorefa",
        .summary = "tanh of the weight on odd integers, activations clipped to [0, 1]",
        .paper = "Zhou et al. 2016, arXiv:1606.06160",
        .activation_gradient = Estimator::window},
       make_dorefa},
      {{.name = "ewgs",
        .summary = "symmetric grid, gradient scaled by its sign and the rounding error",
        .paper = "Lee et al. 2021, arXiv:2104.00903",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true},
       make_ewgs},
      {{.name = "dsq",
        .summary = "symmetric grid, gradient of a tanh between neighbouring codes",
        .paper = "Gong et al. 2019, arXiv:1908.05033",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true,
        .trains = "tanh's alpha"},
       make_dsq},
      {{.name = "noise",
        .summary = "training adds uniform noise of one step, evaluation rounds",
        .paper = "Defossez et al. 2021, arXiv:2104.09987",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true},
       make_noise},
      {{.name = "tqt",
        .summary = "power-of-two scale, trained log2 threshold, full gradient to it",
        .paper = "Jain et al. 2019, arXiv:1903.08066",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true,
        .weight_gradient = Estimator::window,
        .activation_gradient = Estimator::window,
        .trains = "log2 threshold",
        .sum_on_one_grid = true},
       make_tqt},
      {{.name = "fat",
        .summary = "trained factor on a calibrated threshold; symmetric, or a shifted affine range",
        .paper = "Goncharenko et al. 2018, arXiv:1812.07872",
        .weight_bits = {2, 8},
        .activation_bits = {2, 8},
        .per_channel = true,
        .weight_gradient = Estimator::window,
        .activation_gradient = Estimator::window,
        .trains = "threshold factors"},
       make_fat},
  };
  return table;
}

const Strategy* find(const std::string& name) {
  const auto& table = strategies();
  const auto found = std::ranges::find(table, name, [](const Strategy& s) { return s.info.name; });
  return found == table.end() ? nullptr : &*found;
}

void check_spec(const StrategyInfo& info, const QuantizerSpec& spec) {
  const char* role = spec.role == Role::weight ? "a weight" : "an activation";
  const BitRange range = info.bits(spec.role);
  require(info.has(spec.role), "{}: {} has no form for {}", spec.slot, info.name, role);
  require(spec.bits >= range.min && spec.bits <= range.max,
          "{}: {}: expected bits in {}..{} for {}, got {}", spec.slot, info.name, range.min,
          range.max, role, spec.bits);
  if (spec.granularity == Granularity::per_tensor) return;
  require(spec.role == Role::weight,
          "{}: expected granularity per_tensor for an activation, got per_channel", spec.slot);
  require(info.per_channel, "{}: {} has no per_channel form: expected granularity per_tensor",
          spec.slot, info.name);
}

}  // namespace

std::vector<StrategyInfo> registered_quantizers() {
  std::vector<StrategyInfo> result;
  for (const Strategy& strategy : strategies()) result.push_back(strategy.info);
  return result;
}

void register_quantizer(StrategyInfo info, QuantizerFactory factory) {
  require(!info.name.empty() && factory,
          "register_quantizer: expected a name and a factory, got '{}'", info.name);
  require(find(info.name) == nullptr, "register_quantizer: '{}' is taken", info.name);
  strategies().push_back({std::move(info), std::move(factory)});
}

const StrategyInfo& find_quantizer(const std::string& name, const std::string& who) {
  const Strategy* strategy = find(name);
  if (strategy == nullptr) {
    std::vector<std::string> names;
    for (const StrategyInfo& info : registered_quantizers()) names.push_back(info.name);
    require(false, "{}: unknown quantizer '{}'{}", who, name, suggestion(name, names));
  }
  return strategy->info;
}

std::unique_ptr<Quantizer> make_quantizer(const std::string& name, const QuantizerSpec& spec) {
  check_spec(find_quantizer(name, spec.slot), spec);
  Settings none;
  QuantizerSpec complete = spec;
  if (complete.settings == nullptr) complete.settings = &none;
  std::unique_ptr<Quantizer> quantizer = find(name)->make(complete);
  quantizer->set_method(name);
  return quantizer;
}

}  // namespace quench::quant
