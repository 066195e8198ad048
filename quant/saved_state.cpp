#include "quant/saved_state.h"

#include "support/error.h"

namespace quench::quant {

Tensor state_number(double value) {
  Tensor tensor({1}, DType::f64);
  *tensor.data<double>() = value;
  return tensor;
}

double state_number(const SavedState& state, const std::string& key, const std::string& slot) {
  const Tensor tensor = state_tensor(state, key, slot);
  require(tensor.dtype() == DType::f64 && tensor.numel() == 1,
          "{}: expected state '{}' to be one f64, got {} {}", slot, key, name_of(tensor.dtype()),
          tensor.shape().to_string());
  return *tensor.data<double>();
}

const Tensor& state_tensor(const SavedState& state, const std::string& key,
                           const std::string& slot) {
  const auto entry = state.find(key);
  require(entry != state.end() && entry->second.defined(), "{}: expected state '{}', got none",
          slot, key);
  return entry->second;
}

}  // namespace quench::quant
