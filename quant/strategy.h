#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "quant/quantizer.h"

namespace quench::quant {

using QuantizerFactory = std::function<std::unique_ptr<Quantizer>(const SlotSpec&)>;

/// The bit widths that a strategy supports; {0, 0}: it does not support the role.
struct BitRange {
  int min = 0;
  int max = 0;
};

/// The gradient dL/dx that a strategy declares for a given dL/dy.
enum class Estimator : std::uint8_t {
  own,       ///< a formula of its own
  identity,  ///< dL/dy
  window,    ///< dL/dy inside the range of the grid, 0 outside
};

/// The name and capabilities of a strategy, for lists, tables and messages.
struct StrategyInfo {
  std::string name;
  std::string summary;  ///< function and estimator in one line
  std::string paper = {};
  BitRange weight_bits{1, 8};
  BitRange activation_bits{1, 8};
  bool per_channel = false;  ///< whether weights can have a scale per output channel
  Granularity granularity = Granularity::per_tensor;  ///< default for weights
  Estimator weight_gradient = Estimator::own;
  Estimator activation_gradient = Estimator::own;
  std::string trains = {};  ///< in addition to the weight, e.g. "log2 threshold"; empty: nothing
  /// The method for the role that this one does not support, if a config names it for both roles.
  std::string partner = "none";
  /// Default of `residual.shared`: whether both operands of a residual sum use one grid.
  bool sum_on_one_grid = false;

  const BitRange& bits(Role role) const {
    return role == Role::weight ? weight_bits : activation_bits;
  }
  bool has(Role role) const { return bits(role).max > 0; }
  /// The default granularity; an activation has one scale.
  Granularity granularity_of(Role role) const {
    return role == Role::weight ? granularity : Granularity::per_tensor;
  }
};

/// The entry of a method in the registry.
struct Strategy {
  StrategyInfo info;
  QuantizerFactory make;
};

}  // namespace quench::quant
