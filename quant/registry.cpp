#include "quant/registry.h"

#include <algorithm>
#include <array>
#include <deque>

#include "core/error.h"
#include "core/suggest.h"
#include "quant/strategies/ab.h"
#include "quant/strategies/none.h"
#include "quant/strategies/ste.h"

namespace quench::quant {
namespace {

struct Strategy {
  StrategyInfo info;
  QuantizerFactory make;
};

// A table rather than self-registering globals: a static library drops objects that nobody names.
std::deque<Strategy>& strategies() {
  static std::deque<Strategy> table{
      {{"none", "values as they are"}, make_none},
      {{"ste", "sign or uniform grid, straight-through gradient (Courbariaux et al. 2016)"},
       make_ste},
      {{"ab", "float fades into quantized, no gradient estimator (Liu & Mattina 2019)"}, make_ab},
  };
  return table;
}

const Strategy* find(const std::string& name) {
  const auto& table = strategies();
  const auto found = std::ranges::find(table, name, [](const Strategy& s) { return s.info.name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::vector<StrategyInfo> registered_quantizers() {
  std::vector<StrategyInfo> result;
  for (const Strategy& strategy : strategies()) result.push_back(strategy.info);
  return result;
}

void register_quantizer(const std::string& name, const std::string& summary,
                        QuantizerFactory factory) {
  require(!name.empty() && factory, "register_quantizer: expected a name and a factory, got '{}'",
          name);
  require(find(name) == nullptr, "register_quantizer: '{}' is taken", name);
  strategies().push_back({{name, summary}, std::move(factory)});
}

std::unique_ptr<Quantizer> make_quantizer(const std::string& name, const QuantizerSpec& spec) {
  const Strategy* strategy = find(name);
  if (strategy == nullptr) {
    std::vector<std::string> names;
    for (const StrategyInfo& info : registered_quantizers()) names.push_back(info.name);
    require(false, "{}: unknown quantizer '{}'{}", spec.slot, name, suggestion(name, names));
  }
  require(spec.bits >= 1 && spec.bits <= 8, "{}: expected bits in 1..8, got {}", spec.slot,
          spec.bits);
  require(spec.role == Role::weight || spec.granularity == Granularity::per_tensor,
          "{}: expected granularity per_tensor for an activation, got per_channel", spec.slot);
  Settings none;
  QuantizerSpec complete = spec;
  if (complete.settings == nullptr) complete.settings = &none;
  return strategy->make(complete);
}

}  // namespace quench::quant
