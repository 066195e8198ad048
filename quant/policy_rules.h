#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/policy.h"
#include "quant/strategy.h"
#include "support/settings.h"

namespace quench::quant {

/// One rule's settings for one role; unset fields come from an earlier rule or the default.
struct SlotRule {
  const Strategy* strategy = nullptr;
  bool strategy_of_both = false;  ///< whether the rule named it for both weights and activations
  std::optional<int> bits;
  std::optional<Granularity> granularity;

  /// Overwrites with the fields that `later` sets.
  void apply(const SlotRule& later);
};

/// One rule's settings for the quantizers of a layer.
struct LayerRule {
  SlotRule weight;
  SlotRule activation;

  void apply(const LayerRule& later);
};

/// One of the tables `residual`, `pool`, `product` and `function`: settings for the operands of
/// sums, pools, products or functions.
struct OperandRule {
  bool given = false;  ///< whether the table exists
  /// Defaults to the network's method for activations and 8 bits; "none" without a table.
  SlotRule slot;
  std::optional<bool> shared;  ///< `residual` only: one grid for both operands
};

/// All rules of [quant], and which of them apply to a layer or module.
class PolicyRules {
 public:
  /// @throws std::invalid_argument  for an unknown method or a value out of range
  explicit PolicyRules(const Settings& quant);

  /// Sets method and bits for both roles.
  /// @throws std::invalid_argument  for conflicting overrides
  LayerRule of(const LayerInfo& layer);
  /// Sets method and bits. @throws as above
  OperandRule of(const OperandInfo& module);
  /// @throws std::invalid_argument  for an override that matched no layer or module
  void require_all_used() const;

 private:
  struct Override {
    std::string pattern;
    LayerRule rule;
    std::string origin;
    bool used = false;
  };
  static void require_agreement(const Override& a, const Override& b, const std::string& name);
  void apply_overrides(const std::string& name, LayerRule& rule);
  const OperandRule& of(OperandKind kind) const;

  LayerRule network_, depthwise_, first_layer_, last_layer_;
  OperandRule residual_, pool_, product_, function_;
  std::vector<Override> overrides_;
  std::vector<std::string> names_;  // of the layers and modules resolved so far
};

/// Whether a layer's name matches a pattern: * matches any characters, ? one.
bool matches(std::string_view pattern, std::string_view name);

}  // namespace quench::quant
