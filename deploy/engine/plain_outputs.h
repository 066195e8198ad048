#pragma once

#include <cstdint>
#include <vector>

#include "deploy/engine/engine_step.h"
#include "deploy/engine/epilogue.h"

namespace quench::deploy {

/// So many reals lie in the first-level cache while steps go over them.
inline constexpr std::int64_t kStripReals = 4096;

/// No real number of these codes is larger in magnitude.
double largest_real(const quant::QuantGrid& grid);

/// From the reals of an operation that sums no products to all of its outputs.
class PlainOutputs {
 public:
  /// @param reach  no real is larger in magnitude
  PlainOutputs(const IntegerNetwork& network, const Operation& operation, double reach);

  /// @param reals  [pixels][channels], of the pixels from `first` on
  void write(const Engine::Step::Memory& memory, const float* reals, std::int64_t first,
             std::int64_t pixels) const;

 private:
  std::vector<Epilogue> epilogues_;
};

}  // namespace quench::deploy
