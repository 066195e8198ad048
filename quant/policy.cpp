#include "quant/policy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "quant/policy_rules.h"
#include "quant/registry.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::quant {
namespace {

const std::vector<std::string>& rule_keys() {
  static const std::vector<std::string> keys{
      "method",      "bits",       "granularity", "weight",          "activation",
      "depthwise",   "residual",   "pool",        "product",         "function",
      "first_layer", "last_layer", "override",    "fold_batch_norm", "fold_freeze_epoch"};
  return keys;
}

struct Override {
  std::string pattern;
  LayerRule rule;
  std::string origin;
  bool used = false;
};

void require_agreement(const Override& a, const Override& b, const std::string& layer) {
  const std::string key = conflict(a.rule, b.rule);
  require(key.empty(),
          "{}: quant.override: expected overrides that agree on layer {}, got two values of {}: "
          "from match \"{}\" ({}) and match \"{}\"",
          b.origin, layer, key, a.pattern, a.origin, b.pattern);
}

LayerRule read_optional_rule(const Settings& settings, std::string_view key) {
  return settings.has(key) ? read_layer_rule(settings.table(key)) : LayerRule{};
}

/// The method of one slot: a rule for both roles means its partner where it has no form.
std::string method_for(const SlotRule& rule, Role role, const std::string& slot) {
  const StrategyInfo& info = find_quantizer(rule.method.value(), slot);
  return rule.method_of_both && !info.has(role) ? info.partner : info.name;
}

/// Every key is a rule's or names a method; a misspelt method would otherwise be a table that
/// nothing ever reads.
void check_keys(const Settings& settings) {
  std::vector<std::string> known = rule_keys();
  for (const StrategyInfo& info : registered_quantizers()) known.push_back(info.name);
  for (const std::string& key : settings.keys()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    require(false, "{}: {}: expected a setting of [quant] or the name of a method{}",
            settings.origin(key), settings.full_key(key), suggestion(key, known));
  }
}

/// The same table under the same name and path, apart from its tree: what is read there leaves no
/// defaults behind.
Settings copy_of_table(const Settings& settings, const std::string& key) {
  const Settings table = settings.table(key);
  Settings parent;
  if (!settings.path().empty()) parent = parent.make_table(settings.path(), settings.origin());
  Settings copy = parent.make_table(key, settings.origin(key));
  copy.merge(table);
  return copy;
}

/// The table of a method that no slot uses, as the method itself reads it. What it accepts can depend
/// on bits and role, so one form that takes the table is enough.
void check_unused_table(const Settings& settings, const StrategyInfo& info) {
  std::exception_ptr refused;
  for (const Role role : {Role::weight, Role::activation}) {
    for (int bits = info.bits(role).max; info.has(role) && bits >= info.bits(role).min; --bits) {
      Settings table = copy_of_table(settings, info.name);
      try {
        make_quantizer(info.name, {.role = role,
                                   .bits = bits,
                                   .granularity = role == Role::weight ? info.granularity
                                                                       : Granularity::per_tensor,
                                   .slot = "unused",
                                   .settings = &table});
      } catch (const std::invalid_argument&) {
        refused = std::current_exception();
        continue;
      }
      return table.finish();
    }
  }
  if (refused) std::rethrow_exception(refused);
}

}  // namespace

struct Policy::State {
  Settings settings;
  LayerRule network, depthwise, first_layer, last_layer;
  OperandRule residual, pool, product, function;
  std::vector<Override> overrides;
  std::vector<std::string> layers;        ///< names seen by make()
  std::vector<std::string> methods_used;  ///< their tables have been read

  const OperandRule& rule_for(OperandKind kind) const;
  LayerRule rule_for(const LayerInfo& layer);
  void apply_overrides(const std::string& name, LayerRule& rule);
  std::unique_ptr<Quantizer> make_slot(const SlotRule& rule, Role role, const LayerInfo& layer);
  std::unique_ptr<Quantizer> make_operand(const SlotRule& rule, std::string slot);
  std::unique_ptr<Quantizer> make_of(const std::string& method, QuantizerSpec spec);
};

const OperandRule& Policy::State::rule_for(OperandKind kind) const {
  switch (kind) {
    case OperandKind::residual:
      return residual;
    case OperandKind::pool:
      return pool;
    case OperandKind::product:
      return product;
    case OperandKind::function:
      break;
  }
  return function;
}

LayerRule Policy::State::rule_for(const LayerInfo& layer) {
  LayerRule rule = network;
  if (layer.depthwise) rule.apply(depthwise);
  if (layer.first) rule.apply(first_layer);
  if (layer.last) rule.apply(last_layer);
  apply_overrides(layer.name, rule);
  return rule;
}

void Policy::State::apply_overrides(const std::string& name, LayerRule& rule) {
  std::vector<const Override*> matching;
  for (Override& entry : overrides) {
    if (!matches(entry.pattern, name)) continue;
    for (const Override* other : matching) require_agreement(*other, entry, name);
    matching.push_back(&entry);
    entry.used = true;
    rule.apply(entry.rule);
  }
}

std::unique_ptr<Quantizer> Policy::State::make_of(const std::string& method, QuantizerSpec spec) {
  Settings table = settings.table(method);
  methods_used.push_back(method);
  spec.settings = &table;
  return make_quantizer(method, spec);
}

std::unique_ptr<Quantizer> Policy::State::make_slot(const SlotRule& rule, Role role,
                                                    const LayerInfo& layer) {
  std::string slot = layer.name + (role == Role::weight ? ".weight" : ".input");
  const std::string method = method_for(rule, role, slot);
  const Granularity granularity =
      role == Role::weight ? rule.granularity.value_or(find_quantizer(method, slot).granularity)
                           : Granularity::per_tensor;
  return make_of(method, {.role = role,
                          .bits = rule.bits.value(),
                          .granularity = granularity,
                          .channels = layer.out_channels,
                          .shape = role == Role::weight ? layer.weight : Shape{},
                          .slot = std::move(slot)});
}

std::unique_ptr<Quantizer> Policy::State::make_operand(const SlotRule& rule, std::string slot) {
  const std::string method = method_for(rule, Role::activation, slot);
  auto quantizer = make_of(
      method, {.role = Role::activation, .bits = rule.bits.value(), .slot = std::move(slot)});
  require(!quantizer->scales_output(),
          "{}: expected a method whose grid is all there is, got {}, which scales the output of a "
          "layer by the size of its input; name another one, or set quant.xnor.input_scale = false",
          quantizer->slot(), quantizer->method());
  return quantizer;
}

BatchNormFolding read_batch_norm_folding(const Settings& settings) {
  constexpr std::int64_t kMostEpochs = 1'000'000;
  const BatchNormFolding defaults;
  return {.enabled = settings.boolean("fold_batch_norm", defaults.enabled),
          .freeze_epoch =
              settings.integer("fold_freeze_epoch", defaults.freeze_epoch, {-1, kMostEpochs})};
}

const char* rule_key(OperandKind kind) {
  switch (kind) {
    case OperandKind::residual:
      return "residual";
    case OperandKind::pool:
      return "pool";
    case OperandKind::product:
      return "product";
    case OperandKind::function:
      break;
  }
  return "function";
}

Policy::Policy(Settings settings) : state_(std::make_unique<State>()) {
  check_keys(settings);
  state_->network = read_network_rule(settings);
  state_->depthwise = read_optional_rule(settings, "depthwise");
  state_->first_layer = read_optional_rule(settings, "first_layer");
  state_->last_layer = read_optional_rule(settings, "last_layer");
  state_->residual = read_operand_rule(settings, "residual", state_->network);
  state_->pool = read_operand_rule(settings, "pool", state_->network);
  state_->product = read_operand_rule(settings, "product", state_->network);
  state_->function = read_operand_rule(settings, "function", state_->network);
  for (const Settings& entry : settings.tables("override")) {
    state_->overrides.push_back(
        {entry.text("match"), read_layer_rule(entry), entry.origin("match")});
  }
  state_->settings = std::move(settings);
}

Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;

LayerQuantizers Policy::make(const LayerInfo& layer) {
  const LayerRule rule = state_->rule_for(layer);
  state_->layers.push_back(layer.name);
  return {state_->make_slot(rule.activation, Role::activation, layer),
          state_->make_slot(rule.weight, Role::weight, layer)};
}

std::vector<std::shared_ptr<Quantizer>> Policy::make_operands(const OperandInfo& module) {
  const OperandRule& rule = state_->rule_for(module.kind);
  LayerRule own{.weight = {}, .activation = rule.slot};
  if (rule.given) {
    state_->apply_overrides(module.name, own);
    state_->layers.push_back(module.name);
  }
  const SlotRule& slot = own.activation;
  const bool shared =
      module.kind == OperandKind::residual &&
      rule.shared.value_or(find_quantizer(slot.method.value(), module.name).sum_on_one_grid);
  std::vector<std::shared_ptr<Quantizer>> result;
  if (shared || module.count == 1) {
    result.assign(module.count, state_->make_operand(slot, module.name + ".input"));
  } else {
    for (std::size_t i = 1; i <= module.count; ++i)
      result.push_back(state_->make_operand(slot, fmt::format("{}.input{}", module.name, i)));
  }
  return result;
}

void Policy::finish() {
  for (const Override& entry : state_->overrides) {
    require(entry.used,
            "{}: quant.override.match: expected a pattern that matches a layer, got \"{}\" "
            "(layers: {})",
            entry.origin, entry.pattern, fmt::join(state_->layers, ", "));
  }
  for (const StrategyInfo& info : registered_quantizers()) {
    if (std::ranges::find(state_->methods_used, info.name) != state_->methods_used.end()) continue;
    if (state_->settings.find(info.name) == nullptr) continue;
    check_unused_table(state_->settings, info);
    state_->settings.allow(info.name);
  }
  state_->settings.finish();
}

}  // namespace quench::quant
