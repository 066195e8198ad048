#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "quant/quantizer.h"

namespace quench::quant {

using QuantizerFactory = std::function<std::unique_ptr<Quantizer>(const SlotSpec&)>;

/// Which bit widths a strategy has; {0, 0}: it has no form for the role.
struct BitRange {
  int min = 0;
  int max = 0;
};

/// The gradient dL/dx that a strategy states for a given dL/dy.
enum class Estimator : std::uint8_t {
  own,       ///< a formula of its own
  identity,  ///< dL/dy
  window,    ///< dL/dy inside the range of the grid, 0 outside
};

/// A strategy as lists, tables and messages name it, and what it can be asked for.
struct StrategyInfo {
  std::string name;
  std::string summary;  ///< function and estimator in one line
  std::string paper = {};
  BitRange weight_bits{1, 8};
  BitRange activation_bits{1, 8};
  bool per_channel = false;  ///< whether weights can have a scale per output channel
  Granularity granularity = Granularity::per_tensor;  ///< of weights, where a config leaves it open
  Estimator weight_gradient = Estimator::own;
  Estimator activation_gradient = Estimator::own;
  std::string trains = {};  ///< beside the weight, e.g. "log2 threshold"; empty: nothing
  /// The method of the role that this one has no form for, where a config names this one for both.
  std::string partner = "none";
  /// Whether both operands of a residual sum are on one grid, where a config leaves it open.
  bool sum_on_one_grid = false;

  const BitRange& bits(Role role) const {
    return role == Role::weight ? weight_bits : activation_bits;
  }
  bool has(Role role) const { return bits(role).max > 0; }
  /// Where a config leaves it open: an activation has one scale.
  Granularity granularity_of(Role role) const {
    return role == Role::weight ? granularity : Granularity::per_tensor;
  }
};

/// What a method's file exports, and the registry lists.
struct Strategy {
  StrategyInfo info;
  QuantizerFactory make;
};

}  // namespace quench::quant
