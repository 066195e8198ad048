#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "autograd/variable.h"
#include "quant/quantizer.h"
#include "support/settings.h"

namespace quench::quant {

// Shared by LSQ and LSQ+.

struct LsqOptions {
  bool closed_window;
  bool scaled_gradient;

  explicit LsqOptions(const Settings& settings);
  /// c = 1 / sqrt(N qmax), or 1.
  float gradient_factor(std::int64_t n, std::int32_t qmax) const;
};

/// The number of activations in one sample.
std::int64_t features(const Tensor& activations);

/// s * round(clip(v / s)) on `grid`, with the values of `scale` as its scales, recorded on the tape
/// with the gradients of LSQ.
/// @param n   N in c: the number of elements that share one scale
/// @param on  the quantizer whose training forward pass this is
Variable lsq_map(const Variable& x, const Variable& scale, const QuantGrid& grid, std::int64_t n,
                 const LsqOptions& options, const Quantizer& on);

/// Computes the initial steps of a weight, one or one per channel.
using FirstSteps = std::vector<double> (*)(const Tensor& weight, bool per_channel,
                                           const QuantGrid& grid, std::string_view slot);

/// The weight quantizer of LSQ, with initial steps from `first_steps`.
std::unique_ptr<Quantizer> make_lsq_weight(const SlotSpec& spec, const LsqOptions& options,
                                           FirstSteps first_steps);

}  // namespace quench::quant
