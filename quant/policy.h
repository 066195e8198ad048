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

/// A layer with quantizer slots, as the policy needs to know it.
struct LayerInfo {
  std::string name;  ///< dotted path, e.g. "conv2"
  bool first = false;
  bool last = false;
  bool depthwise = false;
  std::int64_t out_channels = 1;
  Shape weight = {};  ///< the weight's shape; rank 0: unknown
};

/// The quantizers for the two slots of a layer.
struct LayerQuantizers {
  std::unique_ptr<Quantizer> input;  ///< for the layer's input activation
  std::unique_ptr<Quantizer> weight;
};

/// A module without weights that reads activations: a residual sum, an average pool, a product of
/// two activations, or a function of one activation.
enum class OperandKind : std::uint8_t { residual, pool, product, function };
/// The key of the kind's rule in [quant].
const char* rule_key(OperandKind kind);
struct OperandInfo {
  std::string name;  ///< dotted path, e.g. "stack1.add"
  OperandKind kind = OperandKind::residual;
  std::size_t count = 2;  ///< number of operands
};

/// The keys fold_batch_norm and fold_freeze_epoch of [quant]: whether to fold batch norm into the
/// layer before it during training.
struct BatchNormFolding {
  bool enabled = false;
  /// The epoch, counted from 0, from which the running statistics are frozen and used to normalize;
  /// -1: never.
  std::int64_t freeze_epoch = 1;
};
/// @throws std::invalid_argument  for a value out of range
BatchNormFolding read_batch_norm_folding(const Settings& settings);

class PolicyRules;
struct SlotRule;

/// Decides which quantizer each layer gets, from the [quant] table of a config:
///
///   [quant]
///   method = "ste"                                   # for weights and activations; default "none"
///   bits = 1                                         # likewise; default 8
///   granularity = "per_tensor"                       # for weights; or "per_channel"; default
///                                                    # "auto": StrategyInfo::granularity
///   weight = { method = "ab", bits = 4, granularity = "per_channel" }
///   activation = { method = "ste", bits = 8 }
///   depthwise = { weight = { bits = 8 } }            # a rule with any of the keys above
///   first_layer = { activation = { method = "none" } }
///   last_layer = { method = "none" }
///   residual = { method = "ste", bits = 8 }          # for the operands of residual sums
///   pool = { bits = 8 }                              # for the inputs of average pools
///   product = { bits = 8 }                           # for the factors of products (Multiply)
///   function = { bits = 8 }                          # for the inputs of functions (PointwiseFunction)
///   override = [ { match = "block*.pw", bits = 8 } ] # * any characters, ? one
///   fold_batch_norm = true                           # default false; the model builder reads
///   fold_freeze_epoch = 1                            # these two: read_batch_norm_folding()
///   [quant.ab]                                       # settings of a method, for all slots that use it
///
/// Later rules win key by key: [quant] itself, depthwise, first_layer, last_layer, overrides. Two
/// overrides that match the same layer must agree on the keys that both set. Within one rule,
/// `weight` and `activation` win over the keys next to them. If a rule names a method for both
/// roles that supports only one (PACT: no weights), its partner takes the other slot
/// (StrategyInfo::partner).
///
/// `residual`, `pool`, `product` and `function` default to the method of activations and to 8 bits.
/// Without these rules, such modules compute in float and overrides do not apply to them. With
/// them, an override's settings for activations also apply to modules with matching names.
/// `residual.shared` sets whether both operands use one grid; the default depends on the method
/// (StrategyInfo::sum_on_one_grid). Each factor of a product has its own grid. A layer that reads
/// the same tensor as a sum has its own slot and may use another grid.
///
/// An empty table means "none" everywhere. Methods that no layer uses may have a table, so
/// that switching the method is a one-line change; their keys are checked too.
class Policy {
 public:
  /// @throws std::invalid_argument  for an unknown key or method, or a value out of range
  explicit Policy(Settings settings);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;

  /// The quantizers of one layer.
  /// @throws std::invalid_argument  for settings that a method rejects, or conflicting overrides
  LayerQuantizers make(const LayerInfo& layer);
  /// The quantizers of a module without weights, one per operand. Operands that share a grid share
  /// one quantizer.
  /// @throws std::invalid_argument  as above, and for a method that scales a layer's output
  std::vector<std::shared_ptr<Quantizer>> make_operands(const OperandInfo& module);
  /// Call after the quantizers of all layers have been made.
  /// @throws std::invalid_argument  for an unread key, or an override that matched no layer (the
  ///                                message lists the layers)
  void finish();

 private:
  /// Resolves a slot, except for the shape of its weight.
  SlotSpec resolve(const SlotRule& rule, Role role, std::string slot);
  std::shared_ptr<Quantizer> make_operand(const SlotRule& rule, std::string slot);

  Settings settings_;
  std::unique_ptr<PolicyRules> rules_;
  std::set<const Strategy*> used_;  // their tables have been read
};

/// What uniform_policy() needs.
struct UniformPolicyOptions {
  std::string method = "ste";  ///< of all layers, one of quantizer_names()
  int weight_bits = 8;
  int activation_bits = 8;
};

/// One method and one number of bits for all layers; the image that the first layer reads has 8 bits
/// on an affine grid. Other rules take the settings of a Policy.
Policy uniform_policy(const UniformPolicyOptions& options);

}  // namespace quench::quant
