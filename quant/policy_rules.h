#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/policy.h"
#include "quant/strategy.h"
#include "support/settings.h"

namespace quench::quant {

/// What one rule says of one role; what it leaves open, an earlier rule or the default decides.
struct SlotRule {
  const Strategy* strategy = nullptr;
  bool strategy_of_both = false;  ///< the rule named it for weights and activations alike
  std::optional<int> bits;
  std::optional<Granularity> granularity;

  /// Takes over what `later` says.
  void apply(const SlotRule& later);
};

/// What one rule says of the quantizers of a layer.
struct LayerRule {
  SlotRule weight;
  SlotRule activation;

  void apply(const LayerRule& later);
};

/// What one of the tables `residual`, `pool`, `product` and `function` says: of the operands of
/// sums, of what is averaged, of the factors of products, or of what functions read.
struct OperandRule {
  bool given = false;  ///< whether there is such a table
  /// With the method that activations of the network have where it names none, and 8 bits; without
  /// a table "none".
  SlotRule slot;
  std::optional<bool> shared;  ///< of `residual`: one grid for both operands
};

/// All rules of [quant], and which of them a layer or module comes under.
class PolicyRules {
 public:
  /// @throws std::invalid_argument  for an unknown method or a value out of range
  explicit PolicyRules(const Settings& quant);

  /// Says method and bits of both roles.
  /// @throws std::invalid_argument  for overrides that disagree
  LayerRule of(const LayerInfo& layer);
  /// Says method and bits. @throws as above
  OperandRule of(const OperandInfo& module);
  /// @throws std::invalid_argument  for an override that matched none of those asked about
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
  std::vector<std::string> names_;  // asked about
};

/// A layer's name against a pattern: * stands for any letters, ? for one.
bool matches(std::string_view pattern, std::string_view name);

}  // namespace quench::quant
