#include "quant/policy.h"

#include <algorithm>
#include <exception>
#include <iterator>
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

/// Every key must be a rule or the name of a method; otherwise a misspelt method would be a table
/// that is never read.
void check_keys(const Settings& settings) {
  std::vector<std::string> known = rule_keys();
  std::ranges::move(quantizer_names(), std::back_inserter(known));
  for (const std::string& key : settings.keys()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    require(false, "{}: {}: expected a setting of [quant] or the name of a method{}",
            settings.origin(key), settings.full_key(key), suggestion(key, known));
  }
}

/// A copy of the table under the same name and path, outside its tree: reading it adds no defaults
/// to the tree.
Settings copy_of_table(const Settings& settings, const std::string& key) {
  const Settings table = settings.table(key);
  Settings parent;
  if (!settings.path().empty()) parent = parent.make_table(settings.path(), settings.origin());
  Settings copy = parent.make_table(key, settings.origin(key));
  copy.merge(table);
  return copy;
}

/// Checks the table of a method that no slot uses, by letting the method read it. The accepted keys
/// can depend on bits and role, so one combination that accepts the table is enough.
void check_unused_table(const Settings& settings, const Strategy& strategy) {
  const StrategyInfo& info = strategy.info;
  std::exception_ptr refused;
  for (const Role role : {Role::weight, Role::activation}) {
    for (int bits = info.bits(role).max; info.has(role) && bits >= info.bits(role).min; --bits) {
      const Settings table = copy_of_table(settings, info.name);
      try {
        make_quantizer({.strategy = &strategy,
                        .role = role,
                        .bits = bits,
                        .granularity = info.granularity_of(role),
                        .slot = "unused",
                        .settings = table});
      } catch (const std::invalid_argument&) {
        refused = std::current_exception();
        continue;
      }
      return table.finish();
    }
  }
  if (refused) std::rethrow_exception(refused);
}

/// The rule's strategy; or its partner, if a rule for both roles names a strategy that does not
/// support this one.
const Strategy& strategy_for(const SlotRule& rule, Role role, const std::string& slot) {
  const StrategyInfo& info = rule.strategy->info;
  if (!rule.strategy_of_both || info.has(role)) return *rule.strategy;
  return find_strategy(info.partner, slot);
}

}  // namespace

BatchNormFolding read_batch_norm_folding(const Settings& settings) {
  constexpr std::int64_t kMostEpochs = 1'000'000;
  const BatchNormFolding defaults;
  return {.enabled = settings.boolean({"fold_batch_norm",
                                       "train with batch norms folded into the weights that "
                                       "quantizers see, as in a deployed network"},
                                      defaults.enabled),
          .freeze_epoch = settings.integer({"fold_freeze_epoch",
                                            "fold_batch_norm: the epoch, counted from 0, from "
                                            "which statistics stay as they are; -1 is never"},
                                           defaults.freeze_epoch, {-1, kMostEpochs})};
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

Policy::Policy(Settings settings) : settings_(std::move(settings)) {
  check_keys(settings_);
  rules_ = std::make_unique<PolicyRules>(settings_);
}

Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;

SlotSpec Policy::resolve(const SlotRule& rule, Role role, std::string slot) {
  const Strategy& strategy = strategy_for(rule, role, slot);
  used_.insert(&strategy);
  return {.strategy = &strategy,
          .role = role,
          .bits = rule.bits.value(),
          .granularity = rule.granularity.value_or(strategy.info.granularity_of(role)),
          .slot = std::move(slot),
          .settings = settings_.table(strategy.info.name)};
}

LayerQuantizers Policy::make(const LayerInfo& layer) {
  const LayerRule rule = rules_->of(layer);
  auto input = make_quantizer(resolve(rule.activation, Role::activation, layer.name + ".input"));
  SlotSpec weight = resolve(rule.weight, Role::weight, layer.name + ".weight");
  weight.channels = layer.out_channels;
  weight.shape = layer.weight;
  return {std::move(input), make_quantizer(weight)};
}

std::shared_ptr<Quantizer> Policy::make_operand(const SlotRule& rule, std::string slot) {
  auto quantizer = make_quantizer(resolve(rule, Role::activation, std::move(slot)));
  require(
      !quantizer->scales_output(),
      "{}: expected a method that is fully described by its grid, got {}, which scales a layer's "
      "output by its input's magnitude; use another method, or set quant.xnor.input_scale = false",
      quantizer->slot(), quantizer->method());
  return quantizer;
}

std::vector<std::shared_ptr<Quantizer>> Policy::make_operands(const OperandInfo& module) {
  const OperandRule rule = rules_->of(module);
  const bool shared = module.kind == OperandKind::residual &&
                      rule.shared.value_or(rule.slot.strategy->info.sum_on_one_grid);
  if (shared || module.count == 1)
    return std::vector(module.count, make_operand(rule.slot, module.name + ".input"));
  std::vector<std::shared_ptr<Quantizer>> result;
  for (std::size_t i = 1; i <= module.count; ++i)
    result.push_back(make_operand(rule.slot, fmt::format("{}.input{}", module.name, i)));
  return result;
}

void Policy::finish() {
  rules_->require_all_used();
  for (const std::string& name : quantizer_names()) {
    const Strategy& strategy = find_strategy(name, "quant");
    if (used_.contains(&strategy) || settings_.find(name) == nullptr) continue;
    check_unused_table(settings_, strategy);
    settings_.allow(name);
  }
  settings_.finish();
}

Policy uniform_policy(const UniformPolicyOptions& options) {
  const Settings image = Settings::from({{"method", "affine"}, {"bits", 8}});
  return Policy(Settings::from({{"method", options.method},
                                {"weight", Settings::from({{"bits", options.weight_bits}})},
                                {"activation", Settings::from({{"bits", options.activation_bits}})},
                                {"first_layer", Settings::from({{"activation", image}})}}));
}

}  // namespace quench::quant
