#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quant/registry.h"

namespace quench::quant {

/// A strategy in one role, bit width and granularity, and the short training of check_promise().
struct PromiseVariant {
  static constexpr std::int64_t kSteps = 8;
  static constexpr const char* kSlot = "layer.slot";

  SlotSpec spec;

  const StrategyInfo& info() const { return spec.strategy->info; }
  std::string text() const;  ///< "weight, 4 bits, per_channel"
  std::unique_ptr<Quantizer> make() const;
  /// The quantizer after `steps` of kSteps training steps.
  std::unique_ptr<Quantizer> trained(std::int64_t steps) const;
};

/// All variants that the strategy declares.
std::vector<PromiseVariant> variants_of(const Strategy& strategy);

/// The shape of the quantized tensors: six channels.
inline const Shape kPromiseShape{6, 3, 2, 2};

/// Normally distributed.
Tensor random_tensor(const Shape& shape, std::uint64_t seed, float scale = 1.0f);
Tensor ones();

struct PromiseExample {
  const char* name;
  Tensor values;
};
std::vector<PromiseExample> ordinary_examples();
/// Also values whose averages overflow float32.
std::vector<PromiseExample> all_examples();

struct PromisePass {
  Tensor output, gradient;
};
/// One forward and backward pass; parameters keep only this pass's gradients.
PromisePass pass(Quantizer& quantizer, const Tensor& x, const Tensor& upstream);

/// Moves trained values in small steps, like an optimizer.
void move_parameters(Quantizer& quantizer);

}  // namespace quench::quant
