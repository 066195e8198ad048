#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/quantizer.h"
#include "support/settings.h"

namespace quench::quant {

/// What one rule says of one role; what it leaves open, an earlier rule or the default decides.
struct SlotRule {
  std::optional<std::string> method;
  bool method_of_both = false;  ///< the rule named it for weights and activations alike
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
/// @param network  the rule of the whole network
OperandRule read_operand_rule(const Settings& quant, const char* key, const LayerRule& network);

/// Reads `method`, `bits`, `granularity` and the tables `weight` and `activation`.
/// @throws std::invalid_argument  for an unknown method or a value out of range
LayerRule read_layer_rule(const Settings& settings);

/// The rule of the whole network, which leaves nothing open: what is not said is "none", 8 bits and
/// per tensor.
/// @throws std::invalid_argument  as read_layer_rule()
LayerRule read_network_rule(const Settings& settings);

/// The first key that both rules give, with different values, e.g. "weight.bits"; empty if none.
std::string conflict(const LayerRule& a, const LayerRule& b);

/// A layer's name against a pattern: * stands for any letters, ? for one.
bool matches(std::string_view pattern, std::string_view name);

}  // namespace quench::quant
