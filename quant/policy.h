#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/settings.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// What the policy needs to know of a layer that has quantizer slots.
struct LayerInfo {
  std::string name;  ///< dotted path, e.g. "conv2"
  bool first = false;
  bool last = false;
  bool depthwise = false;
};

struct LayerQuantizers {
  std::unique_ptr<Quantizer> input;   ///< of the activation that enters the layer
  std::unique_ptr<Quantizer> weight;
};

/// Decides which quantizer each layer gets, from the [quant] table of a config:
///
///   [quant]                 method = "ste" (both), or method inside the two tables
///   weight     = { bits = 1, granularity = "per_tensor" }
///   activation = { bits = 1 }
///   first_layer = { activation = { method = "none" } }     # likewise last_layer, depthwise
///   override = [ { match = "block*.pw", weight = { bits = 8 } } ]
///   [quant.ab]              the settings of a method, read only where it is used
///
/// Later rules win key by key: default, depthwise, first_layer, last_layer, overrides in their order.
/// An empty table means "none" everywhere.
class Policy {
 public:
  explicit Policy(Settings settings);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;

  LayerQuantizers make(const LayerInfo& layer);
  /// Call once all layers have theirs.
  /// @throws std::invalid_argument  for a key nobody read, or an override that matched none of the layers
  ///                                (the message lists their names)
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quench::quant
