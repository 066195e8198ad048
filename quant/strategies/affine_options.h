#pragma once

#include <memory>
#include <optional>

#include "quant/parts/activation_grid.h"
#include "quant/parts/affine_range.h"
#include "quant/quantizer.h"

namespace quench::quant {

/// The options that "affine" and "symmetric" share.
struct AffineOptions {
  double momentum;
  bool zero_debias;
  bool code_mask;
  double quant_delay;
  bool train_ranges = false;

  explicit AffineOptions(const Settings& settings);
  Window window(float scale, CodeRange codes, const ValueRange& range) const {
    return code_mask ? code_window(scale, codes) : real_window(scale, codes, range);
  }
};

/// @param grid  the affine grid, with scale 1; nullopt: symmetric
std::unique_ptr<Quantizer> make_affine_weight(const SlotSpec& spec, const AffineOptions& options,
                                              const std::optional<QuantGrid>& grid);
std::unique_ptr<Quantizer> make_affine_activation(const SlotSpec& spec,
                                                  const AffineOptions& options,
                                                  const QuantGrid& grid);
std::unique_ptr<Quantizer> make_symmetric_activation(const SlotSpec& spec,
                                                     const AffineOptions& options,
                                                     const ActivationGrid& grid);

}  // namespace quench::quant
