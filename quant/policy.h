#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "quant/quantizer.h"
#include "support/settings.h"

namespace quench::quant {

/// What the policy needs to know of a layer that has quantizer slots.
struct LayerInfo {
  std::string name;  ///< dotted path, e.g. "conv2"
  bool first = false;
  bool last = false;
  bool depthwise = false;
  std::int64_t out_channels = 1;
  Shape weight = {};  ///< its shape; rank 0: not told
};

/// What fills the two slots of a layer.
struct LayerQuantizers {
  std::unique_ptr<Quantizer> input;  ///< of the activation that enters the layer
  std::unique_ptr<Quantizer> weight;
};

/// A module without a weight that reads activations: a residual sum, an average pool, a product of
/// two activations, or a function of one.
enum class OperandKind : std::uint8_t { residual, pool, product, function };
/// The key of the kind's rule in [quant]: its own name.
const char* rule_key(OperandKind kind);
struct OperandInfo {
  std::string name;  ///< dotted path, e.g. "stack1.add"
  OperandKind kind = OperandKind::residual;
  std::size_t count = 2;  ///< of its operands
};

/// When batch norm counts as part of the layer before it, for [quant] fold_batch_norm and
/// fold_freeze_epoch.
struct BatchNormFolding {
  bool enabled = false;
  /// The epoch, counted from 0, from which running statistics normalize and stand still; -1 never.
  std::int64_t freeze_epoch = 1;
};
/// @throws std::invalid_argument  for a value out of range
BatchNormFolding read_batch_norm_folding(const Settings& settings);

class PolicyRules;
struct SlotRule;

/// Decides which quantizer each layer gets, from the [quant] table of a config:
///
///   [quant]
///   method = "ste"                                   # of weights and activations; default "none"
///   bits = 1                                         # likewise; default 8
///   granularity = "per_tensor"                       # of weights; or "per_channel"; default
///                                                    # "auto": StrategyInfo::granularity
///   weight = { method = "ab", bits = 4, granularity = "per_channel" }
///   activation = { method = "ste", bits = 8 }
///   depthwise = { weight = { bits = 8 } }            # a rule with any of the keys above
///   first_layer = { activation = { method = "none" } }
///   last_layer = { method = "none" }
///   residual = { method = "ste", bits = 8 }          # of the operands of residual sums
///   pool = { bits = 8 }                              # of what average pools read
///   product = { bits = 8 }                           # of the factors of products (Multiply)
///   function = { bits = 8 }                          # of what functions read (PointwiseFunction)
///   override = [ { match = "block*.pw", bits = 8 } ] # * any letters, ? one
///   fold_batch_norm = true                           # default false. These two are for who builds
///   fold_freeze_epoch = 1                            # the network: read_batch_norm_folding()
///   [quant.ab]                                       # settings of a method, for all that use it
///
/// Later rules win key by key: [quant] itself, depthwise, first_layer, last_layer, overrides. Two
/// overrides that match one layer have to agree on what both say. Within one rule, what `weight` and
/// `activation` say wins over what stands beside them. Where a method that a rule names for both has
/// no form for one of the two (PACT: weights), its partner takes that slot (StrategyInfo::partner).
///
/// `residual`, `pool`, `product` and `function` take the method of activations where they name none,
/// and 8 bits; without them such modules compute in float, and overrides leave them alone. With them,
/// what an override says of activations holds for those of matching names too. `residual.shared` says
/// whether both operands are on one grid; a method has a default of its own
/// (StrategyInfo::sum_on_one_grid). The factors of a product have a grid each.
/// A layer that reads the same tensor as a sum has its own slot, and may have another grid.
///
/// An empty table means "none" everywhere. A registered method that no layer uses may have a table, so
/// that another method is one changed line; its keys are checked all the same.
class Policy {
 public:
  /// @throws std::invalid_argument  for an unknown key or method, or a value out of range
  explicit Policy(Settings settings);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;

  /// The quantizers of one layer.
  /// @throws std::invalid_argument  for settings that a method refuses, or overrides that disagree
  LayerQuantizers make(const LayerInfo& layer);
  /// The quantizers of a module without a weight, one per operand; those that share a grid are the
  /// same one.
  /// @throws std::invalid_argument  as above, and for a method that scales a layer's output
  std::vector<std::shared_ptr<Quantizer>> make_operands(const OperandInfo& module);
  /// Call once all layers have theirs.
  /// @throws std::invalid_argument  for a key nobody read, or an override that matched no layer
  ///                                (the message lists their names)
  void finish();

 private:
  /// All there is to know of a slot, but for the size of its weight.
  SlotSpec resolve(const SlotRule& rule, Role role, std::string slot);
  std::shared_ptr<Quantizer> make_operand(const SlotRule& rule, std::string slot);

  Settings settings_;
  std::unique_ptr<PolicyRules> rules_;
  std::set<const Strategy*> used_;  // their tables have been read
};

}  // namespace quench::quant
