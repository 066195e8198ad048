#pragma once

#include <map>
#include <string>

#include "core/tensor.h"

namespace quench::quant {

using SavedState = std::map<std::string, Tensor>;

/// A number in a quantizer's state: f64, so that a resumed run continues with exactly the same
/// value.
Tensor state_number(double value);

/// Reads a number back.
/// @throws std::invalid_argument  if `key` is missing or not one f64; the message starts with
///                                `slot`
double state_number(const SavedState& state, const std::string& key, const std::string& slot);

/// @throws std::invalid_argument  if `key` is missing
const Tensor& state_tensor(const SavedState& state, const std::string& key,
                           const std::string& slot);

}  // namespace quench::quant
