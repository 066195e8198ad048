#pragma once

#include <string>

#include "support/settings.h"

namespace quench::train {

/// What [quant] says of all layers, overrides of single ones aside: what lists and reports name a run by.
struct QuantRule {
  std::string method = "none";  ///< "ab / ste" if that of activations is another
  int weight_bits = 32;
  int activation_bits = 32;

  bool quantizes() const { return method != "none"; }
};

QuantRule quant_rule(const Settings& quant);

}  // namespace quench::train
