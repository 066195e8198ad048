#pragma once

#include <memory>
#include <string>
#include <vector>

#include "quant/strategy.h"

namespace quench::quant {

/// All known strategies, built-in ones first.
std::vector<StrategyInfo> registered_quantizers();
std::vector<std::string> quantizer_names();

/// Registers an external strategy under `info.name`.
/// @throws std::invalid_argument  if the name is already registered
void register_quantizer(StrategyInfo info, QuantizerFactory factory);

/// The reference stays valid. @throws std::invalid_argument  for an unknown name; the message
/// starts with `who` and lists the known names
const Strategy& find_strategy(const std::string& name, const std::string& who);

/// Builds the quantizer of a slot.
/// @throws std::invalid_argument  for bits, a granularity or settings that the strategy does not
///                                support
std::unique_ptr<Quantizer> make_quantizer(const SlotSpec& spec);
/// The same with the strategy registered as `name`. @throws also as find_strategy()
std::unique_ptr<Quantizer> make_quantizer(const std::string& name, SlotSpec spec);

}  // namespace quench::quant
