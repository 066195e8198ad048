#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "quant/quantizer.h"

namespace quench::quant {

using QuantizerFactory = std::function<std::unique_ptr<Quantizer>(const QuantizerSpec&)>;

/// A strategy as lists and messages name it.
struct StrategyInfo {
  std::string name;
  std::string summary;  ///< function, estimator and paper in one line
};

/// All known strategies, built-in ones first.
std::vector<StrategyInfo> registered_quantizers();

/// Makes a strategy of an outside program known under `name`.
/// @throws std::invalid_argument  if the name is taken
void register_quantizer(const std::string& name, const std::string& summary,
                        QuantizerFactory factory);

/// Builds the strategy registered as `name`.
/// @throws std::invalid_argument  for an unknown name (the message lists the known ones), or
///                                settings that the strategy refuses
std::unique_ptr<Quantizer> make_quantizer(const std::string& name, const QuantizerSpec& spec);

}  // namespace quench::quant
