#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "quant/registry.h"
#include "quant/saved_state.h"
#include "vectors/backward.h"
#include "vectors/case.h"

namespace quench::vectors {

/// Sets a quantizer's trained values by name, as if data had initialized them.
inline void set_trained(quant::Quantizer& quantizer, const std::map<std::string, double>& values) {
  quant::SavedState state = quantizer.state();
  state["scale_seen"] = state["scale_started"] = quant::state_number(1.0);
  quantizer.load_state(state);
  for (auto& [name, variable] : quantizer.parameters()) {
    std::ranges::fill(variable.mutable_value().span(), static_cast<float>(values.at(name)));
    variable.mutable_value().bump_version();
  }
}

/// The accumulated gradient of a trained value with one element.
inline double trained_gradient(quant::Quantizer& quantizer, const std::string& name) {
  for (const auto& [key, variable] : quantizer.parameters()) {
    if (key == name) return double{gradient(variable).item()};
  }
  throw std::runtime_error("no trained value '" + name + "'");
}

/// The tensor as one sample, so that its elements are the features of an activation.
inline Tensor one_sample(const Json& value) {
  const Tensor flat = tensor(value);
  return flat.reshape({1, flat.numel()});
}

}  // namespace quench::vectors
