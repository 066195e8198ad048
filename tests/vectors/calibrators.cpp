#include <array>

#include "ptq/calibrator.h"
#include "ptq/thresholds.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::ptq;
using namespace quench::quant;

std::vector<float> values(const Case& c) { return tensor(c.inputs.at("x")).to_row_major(); }

ValueRange range_of(const std::vector<float>& x, const CalibratorOptions& options) {
  const auto calibrator = make_calibrator(options);
  calibrator->observe(x);
  return calibrator->range();
}

void minmax(const Case& c, Comparison& check) {
  const ValueRange range = range_of(values(c), {.method = "minmax"});
  check.f64("min", {range.min}, c.expect.at("min"));
  check.f64("max", {range.max}, c.expect.at("max"));
  check.f64("amax", {range.threshold()}, c.expect.at("amax"));
}

void moving_average(const Case& c, Comparison& check) {
  const std::vector<float> x = values(c);
  const std::size_t batches = c.params.at("n_batches"), size = x.size() / batches;
  const auto calibrator =
      make_calibrator({.method = "moving_average", .momentum = c.params.at("momentum")});
  for (std::size_t i = 0; i < batches; ++i) {
    calibrator->observe(std::span(x).subspan(i * size, size));
  }
  check.f64("amax", {calibrator->range().threshold()}, c.expect.at("amax"));
}

void percentile(const Case& c, Comparison& check) {
  const ValueRange range = range_of(
      values(c), {.method = "percentile", .percentile = c.params.at("pct"), .keep_values = true});
  check.f64("amax", {range.threshold()}, c.expect.at("amax"));
}

void mse_grid(const Case& c, Comparison& check) {
  const int bits = c.params.at("bits");
  const bool is_signed = c.params.at("signed"), narrow = c.params.at("narrow");
  const QuantGrid grid = !is_signed ? unsigned_grid(bits)
                         : narrow   ? signed_narrow_grid(bits)
                                    : signed_full_grid(bits);
  const std::vector<float> x = values(c);
  const double reach = double{extent(x).max_abs};
  const ThresholdSearch search = mse_threshold(x, {}, reach, grid);
  check.exact("best_i", {static_cast<double>(search.best + 1)}, c.expect.at("best_i"));
  check.f64("amax", {search.threshold}, c.expect.at("amax"));
  check.f32_reduced("mse", search.objective[search.best], c.expect.at("mse"));
  // The calibrator uses the narrow grid, or the unsigned one without negative values.
  if (is_signed && !narrow) return;
  const ValueRange range = range_of(x, {.method = "mse", .bits = bits, .keep_values = true});
  check.f64("range", {range.threshold()}, c.expect.at("amax"));
}

void kl(const Case& c, Comparison& check) {
  const ThresholdSearch search =
      kl_threshold(numbers(c.inputs.at("hist")), c.params.at("bin_width"), c.params.at("levels"));
  check.exact("best_bins", {static_cast<double>(search.best) + c.params.at("start").get<double>()},
              c.expect.at("best_bins"));
  check.f64("threshold", {search.threshold}, c.expect.at("threshold"));
  check.f64("divergence", search.objective, c.expect.at("divergence"));
}

void kl_j(const Case& c, Comparison& check) {
  const int bits = c.params.at("bits");
  const bool is_signed = c.params.at("signed");
  const ThresholdSearch search = kl_j_threshold(
      numbers(c.inputs.at("hist")), c.params.at("bin_width"), 1 << (is_signed ? bits - 1 : bits));
  check.f64("threshold", {search.threshold}, c.expect.at("threshold"));
  if (!c.expect.contains("divergence")) return;
  check.f64("candidates", search.candidate, c.expect.at("candidates"));
  check.f64("divergence", search.objective, c.expect.at("divergence"));
}

void three_sd(const Case& c, Comparison& check) {
  check.f64("threshold", {range_of(values(c), {.method = "3sd"}).threshold()},
            c.expect.at("threshold"));
}

constexpr std::array kOperations{Operation{"calib.minmax", minmax},
                                 Operation{"calib.moving_average", moving_average},
                                 Operation{"calib.percentile", percentile},
                                 Operation{"calib.mse_grid", mse_grid},
                                 Operation{"calib.kl", kl},
                                 Operation{"calib.klj", kl_j},
                                 Operation{"calib.three_sd", three_sd}};

}  // namespace

std::span<const Operation> calibrator_operations() { return kOperations; }

}  // namespace quench::vectors
