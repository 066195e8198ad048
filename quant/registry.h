#pragma once

#include <memory>
#include <string>
#include <vector>

#include "quant/strategy.h"

namespace quench::quant {

/// All known strategies, built-in ones first.
std::vector<StrategyInfo> registered_quantizers();
std::vector<std::string> quantizer_names();

/// Makes a strategy of an outside program known under `info.name`.
/// @throws std::invalid_argument  if the name is taken
void register_quantizer(StrategyInfo info, QuantizerFactory factory);

/// It stays where it is. @throws std::invalid_argument  for an unknown name; the message starts with
///                                                   `who` and lists the known ones
const Strategy& find_strategy(const std::string& name, const std::string& who);

/// Builds the quantizer of a slot.
/// @throws std::invalid_argument  for bits or a granularity that the strategy does not have, or
///                                settings that it refuses
std::unique_ptr<Quantizer> make_quantizer(const SlotSpec& spec);
/// The same with the strategy registered as `name`. @throws also as find_strategy()
std::unique_ptr<Quantizer> make_quantizer(const std::string& name, SlotSpec spec);

}  // namespace quench::quant
