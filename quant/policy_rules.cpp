#include "quant/policy_rules.h"

#include "quant/registry.h"
#include "support/error.h"
#include "support/text_list.h"

namespace quench::quant {
namespace {

/// Reads `granularity` only on request: an activation has one scale.
SlotRule read_slot_rule(const Settings& settings, bool with_granularity) {
  SlotRule rule;
  if (settings.has("method"))
    rule.strategy =
        &find_strategy(settings.choice({"method",
                                        "the method (quench list quantizers); quant.method = "
                                        "\"float\" leaves out all quantizers"},
                                       quantizer_names()),
                       "quant.method");
  if (settings.has("bits"))
    rule.bits = static_cast<int>(settings.integer({"bits", "bits of each code"}, {1, 8}));
  if (with_granularity && settings.has("granularity")) {
    const std::string granularity = settings.choice(
        {"granularity",
         "weights: one scale, or one per output channel; auto takes what suits the method"},
        {"auto", "per_tensor", "per_channel"});
    if (granularity == "per_tensor") rule.granularity = Granularity::per_tensor;
    if (granularity == "per_channel") rule.granularity = Granularity::per_channel;
  }
  return rule;
}

/// The keys `method`, `bits`, `granularity` and the tables `weight` and `activation`.
LayerRule read_layer_rule(const Settings& settings) {
  SlotRule both = read_slot_rule(settings, true);
  both.strategy_of_both = true;
  LayerRule rule{both, both};
  rule.activation.granularity.reset();
  if (settings.has("weight")) rule.weight.apply(read_slot_rule(settings.table("weight"), true));
  if (settings.has("activation")) {
    rule.activation.apply(read_slot_rule(settings.table("activation"), false));
  }
  return rule;
}

LayerRule read_optional_rule(const Settings& quant, const char* key) {
  return quant.has(key) ? read_layer_rule(quant.table(key)) : LayerRule{};
}

/// The default: "none" with 8 bits.
SlotRule default_rule() { return {.strategy = &find_strategy("none", "quant"), .bits = 8}; }

LayerRule read_network_rule(const Settings& quant) {
  // Reads the keys with their defaults, so that a resolved config contains them.
  quant.text("method", "none");
  quant.integer("bits", 8, {1, 8});
  quant.text("granularity", "auto");
  LayerRule rule{default_rule(), default_rule()};
  rule.apply(read_layer_rule(quant));
  return rule;
}

OperandRule read_operand_rule(const Settings& quant, const char* key, const LayerRule& network) {
  // Defaults to 8 bits: fewer bits that suffice for a layer's operands may not suffice for values
  // that pass through many layers.
  OperandRule rule{.given = quant.has(key), .slot = default_rule(), .shared = {}};
  if (!rule.given) return rule;
  const Settings table = quant.table(key);
  rule.slot.strategy = network.activation.strategy;
  rule.slot.strategy_of_both = network.activation.strategy_of_both;
  rule.slot.apply(read_slot_rule(table, false));
  if (key == std::string_view("residual") && table.has("shared"))
    rule.shared =
        table.boolean({"shared", "both operands on one grid, so that the sum is one of integers"});
  return rule;
}

template <typename T>
bool differ(const T& a, const T& b) {
  return a && b && *a != *b;
}

std::string conflict(const SlotRule& a, const SlotRule& b) {
  if (a.strategy != nullptr && b.strategy != nullptr && a.strategy != b.strategy) return "method";
  if (differ(a.bits, b.bits)) return "bits";
  return differ(a.granularity, b.granularity) ? "granularity" : "";
}

/// The first key that both rules set to different values, e.g. "weight.bits"; empty if none.
std::string conflict(const LayerRule& a, const LayerRule& b) {
  if (const std::string key = conflict(a.weight, b.weight); !key.empty()) return "weight." + key;
  const std::string key = conflict(a.activation, b.activation);
  return key.empty() ? key : "activation." + key;
}

}  // namespace

void SlotRule::apply(const SlotRule& later) {
  if (later.strategy != nullptr) {
    strategy = later.strategy;
    strategy_of_both = later.strategy_of_both;
  }
  if (later.bits) bits = later.bits;
  if (later.granularity) granularity = later.granularity;
}

void LayerRule::apply(const LayerRule& later) {
  weight.apply(later.weight);
  activation.apply(later.activation);
}

PolicyRules::PolicyRules(const Settings& quant)
    : network_(read_network_rule(quant)),
      depthwise_(read_optional_rule(quant, "depthwise")),
      first_layer_(read_optional_rule(quant, "first_layer")),
      last_layer_(read_optional_rule(quant, "last_layer")),
      residual_(read_operand_rule(quant, "residual", network_)),
      pool_(read_operand_rule(quant, "pool", network_)),
      product_(read_operand_rule(quant, "product", network_)),
      function_(read_operand_rule(quant, "function", network_)) {
  for (const Settings& entry : quant.tables("override"))
    overrides_.push_back({entry.text({"match", "pattern of names of layers: * any letters, ? one"}),
                          read_layer_rule(entry), entry.origin("match")});
}

LayerRule PolicyRules::of(const LayerInfo& layer) {
  LayerRule rule = network_;
  if (layer.depthwise) rule.apply(depthwise_);
  if (layer.first) rule.apply(first_layer_);
  if (layer.last) rule.apply(last_layer_);
  apply_overrides(layer.name, rule);
  return rule;
}

OperandRule PolicyRules::of(const OperandInfo& module) {
  OperandRule rule = of(module.kind);
  if (!rule.given) return rule;
  LayerRule with_overrides{.weight = {}, .activation = rule.slot};
  apply_overrides(module.name, with_overrides);
  rule.slot = with_overrides.activation;
  return rule;
}

const OperandRule& PolicyRules::of(OperandKind kind) const {
  switch (kind) {
    case OperandKind::residual:
      return residual_;
    case OperandKind::pool:
      return pool_;
    case OperandKind::product:
      return product_;
    case OperandKind::function:
      break;
  }
  return function_;
}

void PolicyRules::apply_overrides(const std::string& name, LayerRule& rule) {
  names_.push_back(name);
  std::vector<const Override*> matching;
  for (Override& entry : overrides_) {
    if (!matches(entry.pattern, name)) continue;
    for (const Override* other : matching) require_agreement(*other, entry, name);
    matching.push_back(&entry);
    entry.used = true;
    rule.apply(entry.rule);
  }
}

void PolicyRules::require_agreement(const Override& a, const Override& b, const std::string& name) {
  const std::string key = conflict(a.rule, b.rule);
  require(key.empty(),
          "{}: quant.override: expected overrides that agree on layer {}, got two values for {}: "
          "from match \"{}\" ({}) and match \"{}\"",
          b.origin, name, key, a.pattern, a.origin, b.pattern);
}

void PolicyRules::require_all_used() const {
  for (const Override& entry : overrides_) {
    require(entry.used,
            "{}: quant.override.match: expected a pattern that matches a layer, got \"{}\" "
            "(layers: {})",
            entry.origin, entry.pattern, listed(names_));
  }
}

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  // The position of the last *, and how much of the name it has matched so far.
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
