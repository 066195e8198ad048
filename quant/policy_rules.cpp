#include "quant/policy_rules.h"

#include "quant/registry.h"

namespace quench::quant {
namespace {

/// `granularity` only where the caller asks for it: an activation has one scale.
SlotRule read_slot_rule(const Settings& settings, bool with_granularity) {
  SlotRule rule;
  if (settings.has("method")) {
    std::vector<std::string> names;
    for (const StrategyInfo& info : registered_quantizers()) names.push_back(info.name);
    rule.method = settings.choice("method", names);
  }
  if (settings.has("bits")) rule.bits = static_cast<int>(settings.integer("bits", {1, 8}));
  if (with_granularity && settings.has("granularity")) {
    const std::string granularity =
        settings.choice("granularity", {"auto", "per_tensor", "per_channel"});
    if (granularity == "per_tensor") rule.granularity = Granularity::per_tensor;
    if (granularity == "per_channel") rule.granularity = Granularity::per_channel;
  }
  return rule;
}

template <typename T>
bool differ(const std::optional<T>& a, const std::optional<T>& b) {
  return a && b && *a != *b;
}

std::string conflict(const SlotRule& a, const SlotRule& b) {
  if (differ(a.method, b.method)) return "method";
  if (differ(a.bits, b.bits)) return "bits";
  return differ(a.granularity, b.granularity) ? "granularity" : "";
}

}  // namespace

void SlotRule::apply(const SlotRule& later) {
  if (later.method) {
    method = later.method;
    method_of_both = later.method_of_both;
  }
  if (later.bits) bits = later.bits;
  if (later.granularity) granularity = later.granularity;
}

void LayerRule::apply(const LayerRule& later) {
  weight.apply(later.weight);
  activation.apply(later.activation);
}

LayerRule read_layer_rule(const Settings& settings) {
  SlotRule both = read_slot_rule(settings, true);
  both.method_of_both = true;
  LayerRule rule{both, both};
  rule.activation.granularity.reset();
  if (settings.has("weight")) rule.weight.apply(read_slot_rule(settings.table("weight"), true));
  if (settings.has("activation")) {
    rule.activation.apply(read_slot_rule(settings.table("activation"), false));
  }
  return rule;
}

OperandRule read_operand_rule(const Settings& quant, const char* key, const LayerRule& network) {
  // 8 bits as few bits for a layer's operands need not do for values that pass many layers.
  OperandRule rule{.given = quant.has(key), .slot = {.method = "none", .bits = 8}, .shared = {}};
  if (!rule.given) return rule;
  const Settings table = quant.table(key);
  rule.slot.method = network.activation.method;
  rule.slot.method_of_both = network.activation.method_of_both;
  rule.slot.apply(read_slot_rule(table, false));
  if (key == std::string_view("residual") && table.has("shared"))
    rule.shared = table.boolean("shared");
  return rule;
}

LayerRule read_network_rule(const Settings& settings) {
  // Asked for with their defaults, so that a resolved config states them.
  SlotRule defaults{.method = settings.text("method", "none"),
                    .method_of_both = true,
                    .bits = static_cast<int>(settings.integer("bits", 8, {1, 8}))};
  settings.text("granularity", "auto");
  LayerRule rule{defaults, defaults};
  rule.apply(read_layer_rule(settings));
  return rule;
}

std::string conflict(const LayerRule& a, const LayerRule& b) {
  if (const std::string key = conflict(a.weight, b.weight); !key.empty()) return "weight." + key;
  const std::string key = conflict(a.activation, b.activation);
  return key.empty() ? key : "activation." + key;
}

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  // Where the last * stood, and how much of the name it has swallowed so far.
  std::size_t star = std::string_view::npos, swallowed = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      swallowed = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++swallowed;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace quench::quant
