#include "quant/strategies/fixed.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include "quant/parts/straight_through.h"
#include "quant/parts/trained_map.h"
#include "quant/strategy.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// Only for its name: a factory in the registry could not be given a grid.
const Strategy& fixed_strategy() {
  static const Strategy strategy{{.name = "fixed", .summary = "a grid that is given and stays"},
                                 {}};
  return strategy;
}

SlotSpec spec_of(Role role, const QuantGrid& grid, std::string slot) {
  return {.strategy = &fixed_strategy(),
          .role = role,
          .bits = grid.bits,
          .granularity = grid.axis == 0 ? Granularity::per_channel : Granularity::per_tensor,
          .slot = std::move(slot)};
}

class FixedQuantizer final : public Quantizer {
 public:
  FixedQuantizer(Role role, QuantGrid grid, std::string slot)
      : Quantizer(spec_of(role, grid, std::move(slot))), grid_(std::move(grid)) {}

  QuantGrid grid() const override { return grid_; }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& x) override {
    std::vector<Window> windows;
    for (std::size_t i = 0; i < grid_.scale.size(); ++i) {
      const CodeRange codes = centered_range(grid_, i);
      windows.push_back({grid_.scale[i] * codes.low, grid_.scale[i] * codes.high});
    }
    return record_trained<0>(x, {}, fake_quantize(x.value(), grid_), std::move(windows),
                             [](float v, float g, Window window) {
                               const bool inside = (v >= window.low) & (v <= window.high);
                               return ElementGradient<0>{inside ? g : 0.0f, {}};
                             });
  }

 private:
  QuantGrid grid_;
};

}  // namespace

std::unique_ptr<Quantizer> make_fixed_quantizer(Role role, QuantGrid grid, const Shape& shape,
                                                std::string slot) {
  try {
    check_grid(grid, shape);
  } catch (const std::invalid_argument& error) {
    require(false, "{}: {}", slot, error.what());
  }
  return std::make_unique<FixedQuantizer>(role, std::move(grid), std::move(slot));
}

}  // namespace quench::quant
