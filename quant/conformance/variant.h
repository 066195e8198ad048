#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quant/registry.h"

namespace quench::quant {

/// A strategy in one role, width and granularity, and the short training that check_promise() puts
/// it through.
struct PromiseVariant {
  static constexpr std::int64_t kSteps = 8;
  static constexpr const char* kSlot = "layer.slot";

  SlotSpec spec;

  const StrategyInfo& info() const { return spec.strategy->info; }
  std::string text() const;  ///< "weight, 4 bits, per_channel"
  std::unique_ptr<Quantizer> make() const;
  /// After this many of kSteps steps.
  std::unique_ptr<Quantizer> trained(std::int64_t steps) const;
};

/// All that the strategy says it has.
std::vector<PromiseVariant> variants_of(const Strategy& strategy);

/// Of what is quantized: six channels.
inline const Shape kPromiseShape{6, 3, 2, 2};

/// Normally distributed.
Tensor random_tensor(const Shape& shape, std::uint64_t seed, float scale = 1.0f);
Tensor ones();

struct PromiseExample {
  const char* name;
  Tensor values;
};
std::vector<PromiseExample> ordinary_examples();
/// Also values whose averages leave the range of float32.
std::vector<PromiseExample> all_examples();

struct PromisePass {
  Tensor output, gradient;
};
/// One forward and backward pass; parameters keep their gradients of this pass alone.
PromisePass pass(Quantizer& quantizer, const Tensor& x, const Tensor& upstream);

/// What an optimizer would do to trained values, in small steps.
void move_parameters(Quantizer& quantizer);

}  // namespace quench::quant
