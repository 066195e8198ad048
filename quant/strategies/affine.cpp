#include "quant/strategies/affine.h"

#include "quant/strategies/affine_options.h"

namespace quench::quant {

AffineOptions::AffineOptions(const Settings& settings)
    : momentum(settings.number({"momentum", "of the average range of activations over batches"},
                               0.99, {0.0, 1.0})),
      zero_debias(settings.boolean(
          {"zero_debias", "start the average from 0 and divide it by its weight (TensorFlow)"},
          false)),
      code_mask(settings.choice({"mask",
                                 "where gradients pass: float values in the range (TensorFlow), or "
                                 "codes on the grid (PyTorch)"},
                                "real", {"real", "code"}) == "code"),
      quant_delay(settings.number(
          {"quant_delay", "steps before activations are quantized; below 1, a fraction of the run"},
          0.0, at_least(0.0))) {}

namespace {

std::unique_ptr<Quantizer> make_affine(const SlotSpec& spec) {
  const Settings& settings = spec.settings;
  AffineOptions options(settings);
  // Reads all keys for every slot, so that none is reported as unknown.
  options.train_ranges =
      settings.boolean({"train_ranges", "train min and max of activations"}, false);
  const bool affine_weights = settings.choice({"weights", "zero point of weights: 0, or free"},
                                              "symmetric", {"symmetric", "affine"}) == "affine";
  const bool is_signed = settings.choice({"grid", "integers of affine grids"}, "unsigned",
                                         {"unsigned", "signed_full"}) == "signed_full";
  const QuantGrid grid = is_signed ? signed_full_grid(spec.bits) : unsigned_grid(spec.bits);
  if (spec.role == Role::activation) return make_affine_activation(spec, options, grid);
  return make_affine_weight(spec, options, affine_weights ? std::optional(grid) : std::nullopt);
}

}  // namespace

Strategy affine_strategy() {
  return {{.name = "affine",
           .summary = "integer zero point, range of the weight or averaged over batches",
           .paper = "Jacob et al. 2018, arXiv:1712.05877",
           .weight_bits = {2, 8},
           .activation_bits = {2, 8},
           .per_channel = true,
           .granularity = Granularity::per_channel,
           .weight_gradient = Estimator::window,
           .activation_gradient = Estimator::window,
           .trains = "min, max (option)"},
          make_affine};
}

namespace {

std::unique_ptr<Quantizer> make_symmetric(const SlotSpec& spec) {
  const AffineOptions options(spec.settings);
  const ActivationGrid grid(spec.settings, "auto", spec.bits);
  if (spec.role == Role::activation) return make_symmetric_activation(spec, options, grid);
  return make_affine_weight(spec, options, std::nullopt);
}

}  // namespace

Strategy symmetric_strategy() {
  return {{.name = "symmetric",
           .summary = "as affine with zero point 0",
           .paper = "Krishnamoorthi 2018, arXiv:1806.08342",
           .weight_bits = {2, 8},
           .activation_bits = {2, 8},
           .per_channel = true,
           .granularity = Granularity::per_channel,
           .weight_gradient = Estimator::identity,
           .activation_gradient = Estimator::window},
          make_symmetric};
}

}  // namespace quench::quant
