#include <array>
#include <cmath>

#include "core/ops/elementwise.h"
#include "ptq/rescale_depthwise.h"
#include "quant/registry.h"
#include "quant/strategies/fat_range.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::ptq;
using namespace quench::quant;

std::unique_ptr<Quantizer> make_fat_at(const Json& bits, Settings settings, ValueRange range,
                                       const std::vector<double>& factors,
                                       Role role = Role::activation, const Shape& shape = {}) {
  auto quantizer = make_quantizer(
      "fat", {.role = role, .bits = bits, .shape = shape, .slot = "case", .settings = settings});
  quantizer->calibratable()->calibrate({&range, 1});
  const auto trained = quantizer->parameters();
  for (std::size_t i = 0; i < factors.size(); ++i) {
    Variable factor = trained[i].second;
    factor.mutable_value().copy_from(Tensor::full({1}, static_cast<float>(factors[i])));
  }
  return quantizer;
}

void symmetric(const Case& c, Comparison& check) {
  const bool with_sign = c.params.at("signed");
  const double threshold = c.params.at("T"), alpha = c.params.at("alpha");
  const auto quantizer =
      make_fat_at(c.params.at("bits"),
                  Settings::from({{"act_grid", with_sign ? "signed_narrow" : "unsigned"},
                                  {"alpha_min", c.params.at("alpha_min").get<double>()},
                                  {"alpha_max", c.params.at("alpha_max").get<double>()}}),
                  {with_sign ? -threshold : 0.0, threshold}, {alpha});
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  const auto grad = static_cast<double>(gradient(quantizer->parameters()[0].second).item());
  check.f32_reduced("grad_alpha", grad, c.expect.at("grad_alpha"));
  // T is a constant of the strategy: dL/dT_adj shows where alpha passes it.
  if (grad != 0.0) check.f32_reduced("grad_T_adj", grad / threshold, c.expect.at("grad_T_adj"));
  const QuantGrid grid = quantizer->grid();
  check.f32("T_adj", {double{grid.scale[0]} * grid.qmax}, c.expect.at("T_adj"));
  quantizer->set_mode(Mode::evaluation);
  check.exact("q", quantizer->codes(x.value())->values, c.expect.at("q"));
}

FatLimits limits_of(const Json& pair) { return {pair.at(0), pair.at(1)}; }

/// The strategy gives the same if the case's range contains 0.
void check_strategy(const Case& c, ValueRange range, const FatRangeLimits& limits,
                    Comparison& check) {
  const auto quantizer = make_fat_at(c.params.at("bits"),
                                     Settings::from({{"mode", "asymmetric"},
                                                     {"alpha_min", limits.alpha_r.min},
                                                     {"alpha_max", limits.alpha_r.max},
                                                     {"shift_min", limits.alpha_t.min},
                                                     {"shift_max", limits.alpha_t.max}}),
                                     range, {c.params.at("alpha_T"), c.params.at("alpha_R")});
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  const auto trained = quantizer->parameters();
  check.f32_reduced("grad_alpha_T", static_cast<double>(gradient(trained[0].second).item()),
                    c.expect.at("grad_alpha_T"));
  check.f32_reduced("grad_alpha_R", static_cast<double>(gradient(trained[1].second).item()),
                    c.expect.at("grad_alpha_R"));
  quantizer->set_mode(Mode::evaluation);
  const auto codes = quantizer->codes(x.value());
  const auto zero = static_cast<float>(codes->grid.zero_point[0]);
  check.exact("q", add_scalar(codes->values, zero), c.expect.at("q"));
}

void asymmetric(const Case& c, Comparison& check) {
  const int bits = c.params.at("bits");
  const ValueRange calibrated{c.params.at("T_l"), c.params.at("T_r")};
  FatRangeLimits limits{limits_of(c.params.at("alpha_T_range")),
                        limits_of(c.params.at("alpha_R_range")), false};
  const Variable alpha_t(Tensor::full({1}, c.params.at("alpha_T")), true);
  const Variable alpha_r(Tensor::full({1}, c.params.at("alpha_R")), true);
  const FatRange range =
      fat_range(calibrated, alpha_t.value().item(), alpha_r.value().item(), limits, bits);
  check.f32("T_l_adj", {range.low}, c.expect.at("T_l_adj"));
  check.f32("R_adj", {range.width}, c.expect.at("R_adj"));
  check.f32("scale_mul", {1.0 / double{range.scale}}, c.expect.at("scale_mul"));
  check.exact("zero_code", {double{range.first_code}}, c.expect.at("zero_code"));

  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = fat_quantize(x, alpha_t, alpha_r, {&range, 1}, bits);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  check.f32_reduced("grad_alpha_T", static_cast<double>(gradient(alpha_t).item()),
                    c.expect.at("grad_alpha_T"));
  check.f32_reduced("grad_alpha_R", static_cast<double>(gradient(alpha_r).item()),
                    c.expect.at("grad_alpha_R"));
  const Tensor q = map(
      y.value(), [&range](float v) { return std::nearbyint(v / range.scale) - range.first_code; });
  check.exact("q", q, c.expect.at("q"));
  const bool holds_zero = range.low <= 0.0 && range.low + range.width >= 0.0;
  if (holds_zero) check_strategy(c, calibrated, limits, check);
}

void dws_rescale(const Case& c, Comparison& check) {
  std::vector<float> largest;
  ptq::RescaleOptions options;
  if (c.params.at("nonlinearity") == "relu6") {
    for (const double x : numbers(c.inputs.at("x_max"))) largest.push_back(static_cast<float>(x));
    options = {.lock_at = c.params.at("lock_at"), .cap = c.params.at("cap")};
  }
  const ptq::DepthwiseRescale done =
      ptq::choose_depthwise_rescale(tensor(c.inputs.at("w_dw")), largest, options);
  check.f32("T", done.thresholds, c.expect.at("T"));
  check.f32("T0", {done.target}, c.expect.at("T0"));
  check.f32("s", done.factors, c.expect.at("s"));
  if (c.expect.contains("locked"))
    check.exact("locked", {done.locked.begin(), done.locked.end()}, c.expect.at("locked"));
}

void pointwise_scale(const Case& c, Comparison& check) {
  const double threshold = c.params.at("T_adj");
  const Tensor m = tensor(c.inputs.at("m"));
  const auto quantizer =
      make_fat_at(c.params.at("bits"),
                  Settings::from({{"pointwise", true},
                                  {"train_thresholds", false},
                                  {"pointwise_min", c.params.at("m_min").get<double>()},
                                  {"pointwise_max", c.params.at("m_max").get<double>()}}),
                  {-threshold, threshold}, {}, Role::weight, m.shape());
  Variable trained = quantizer->parameters()[0].second;
  trained.mutable_value().copy_from(m);
  const Variable w(tensor(c.inputs.at("w")), true);
  const Variable y = quantizer->forward(w);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_m", gradient(trained), c.expect.at("grad_m"));
  quantizer->set_mode(Mode::evaluation);
  check.exact("q", quantizer->codes(w.value())->values, c.expect.at("q"));
}

constexpr std::array kOperations{
    Operation{"fat.symmetric", symmetric}, Operation{"fat.asymmetric", asymmetric},
    Operation{"fat.dws_rescale", dws_rescale}, Operation{"fat.pointwise_scale", pointwise_scale}};

}  // namespace

std::span<const Operation> fat_operations() { return kOperations; }

}  // namespace quench::vectors
