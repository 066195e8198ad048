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

// A table, not self-registering globals: a static library drops objects that are never referenced.
std::deque<Strategy>& strategies() {
  static std::deque<Strategy> table{
      none_strategy(),        ste_strategy(),    affine_strategy(),   symmetric_strategy(),
      ab_strategy(),          bwn_strategy(),    xnor_strategy(),     twn_strategy(),
      approx_sign_strategy(), lsq_strategy(),    lsq_plus_strategy(), pact_strategy(),
      apot_strategy(),        dorefa_strategy(), ewgs_strategy(),     dsq_strategy(),
      noise_strategy(),       tqt_strategy(),    fat_strategy(),
  };
  return table;
}

const Strategy* find(const std::string& name) {
  const auto& table = strategies();
  const auto found = std::ranges::find(table, name, [](const Strategy& s) { return s.info.name; });
  return found == table.end() ? nullptr : &*found;
}

void check(const SlotSpec& spec) {
  const StrategyInfo& info = spec.strategy->info;
  const char* role = spec.role == Role::weight ? "weight" : "activation";
  const BitRange range = info.bits(spec.role);
  require(info.has(spec.role), "{}: {} does not support {} quantization", spec.slot, info.name,
          role);
  require(spec.bits >= range.min && spec.bits <= range.max,
          "{}: {}: expected bits in {}..{} for {}s, got {}", spec.slot, info.name, range.min,
          range.max, role, spec.bits);
  if (spec.granularity == Granularity::per_tensor) return;
  require(spec.role == Role::weight,
          "{}: expected granularity per_tensor for an activation, got per_channel", spec.slot);
  require(info.per_channel, "{}: {}: expected granularity per_tensor, got per_channel", spec.slot,
          info.name);
}

}  // namespace

std::vector<StrategyInfo> registered_quantizers() {
  std::vector<StrategyInfo> result;
  for (const Strategy& strategy : strategies()) result.push_back(strategy.info);
  return result;
}

std::vector<std::string> quantizer_names() {
  std::vector<std::string> names;
  for (const Strategy& strategy : strategies()) names.push_back(strategy.info.name);
  return names;
}

void register_quantizer(StrategyInfo info, QuantizerFactory factory) {
  require(!info.name.empty() && factory,
          "register_quantizer: expected a name and a factory, got '{}'", info.name);
  require(find(info.name) == nullptr, "register_quantizer: '{}' is already registered", info.name);
  strategies().push_back({std::move(info), std::move(factory)});
}

const Strategy& find_strategy(const std::string& name, const std::string& who) {
  if (const Strategy* strategy = find(name); strategy != nullptr) return *strategy;
  throw std::invalid_argument(
      fmt::format("{}: unknown quantizer '{}'{}", who, name, suggestion(name, quantizer_names())));
}

std::unique_ptr<Quantizer> make_quantizer(const SlotSpec& spec) {
  check(spec);
  return spec.strategy->make(spec);
}

std::unique_ptr<Quantizer> make_quantizer(const std::string& name, SlotSpec spec) {
  spec.strategy = &find_strategy(name, spec.slot);
  return make_quantizer(spec);
}

}  // namespace quench::quant
