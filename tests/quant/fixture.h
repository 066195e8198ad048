#pragma once

#include <cstring>
#include <memory>
#include <string>

#include "core/random.h"
#include "quant/registry.h"
#include "quant/saved_state.h"
#include "vectors/backward.h"

namespace quench::quant {

inline Tensor random_tensor(Shape shape, std::uint64_t seed, float scale = 1.0f) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = scale * random.normal();
  return out;
}

inline Tensor vector_of(const std::vector<float>& values) {
  return Tensor::from_row_major({static_cast<std::int64_t>(values.size())}, values);
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

/// A quantizer with the given settings.
inline std::unique_ptr<Quantizer> make(const std::string& name, SlotSpec spec,
                                       Settings settings = {}) {
  if (spec.slot.empty()) spec.slot = "layer.slot";
  spec.settings = settings;
  return make_quantizer(name, spec);
}

/// Likewise, with begin_training() for a run of 100 steps.
inline std::unique_ptr<Quantizer> started(const std::string& name, SlotSpec spec,
                                          Settings settings = {}) {
  auto quantizer = make(name, std::move(spec), std::move(settings));
  quantizer->begin_training({.total_steps = 100, .steps_per_epoch = 100});
  return quantizer;
}

/// The results of one forward and backward pass.
struct Pass {
  Tensor output, gradient;
};
inline Pass pass(Quantizer& quantizer, const Tensor& x, const Tensor& upstream) {
  const Variable leaf(x, true);
  const Variable y = quantizer.forward(leaf);
  vectors::backward(y, upstream);
  return {y.value(), vectors::gradient(leaf)};
}
/// With an upstream of ones.
inline Pass pass(Quantizer& quantizer, const Tensor& x) {
  return pass(quantizer, x, Tensor::full(x.shape(), 1.0f));
}

/// Sets alpha as if training had reached it.
inline void set_alpha(Quantizer& quantizer, double alpha) {
  SavedState state = quantizer.state();
  state["alpha"] = state_number(alpha);
  quantizer.load_state(state);
}

}  // namespace quench::quant
