#include <algorithm>
#include <array>
#include <string>

#include "quant/grid.h"
#include "quant/parts/affine_range.h"
#include "quant/parts/range_average.h"
#include "quant/registry.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

void sym_quantize(const Case& c, Comparison& check) {
  const int bits = c.params.at("bits");
  const bool narrow = c.params.at("narrow");
  QuantGrid grid = narrow ? signed_narrow_grid(bits) : signed_full_grid(bits);
  grid.scale[0] = static_cast<float>(c.params.at("amax").get<double>() / grid.qmax);
  const Tensor x = tensor(c.inputs.at("x"));
  check.f32("scale", {grid.scale[0]}, c.expect.at("scale"));
  check.exact("q", centered_codes(x, grid), c.expect.at("q"));
  check.f32("y", fake_quantize(x, grid), c.expect.at("y"));
}

void sym_per_channel(const Case& c, Comparison& check) {
  const auto quantizer = make_quantizer("symmetric", {.role = Role::weight,
                                                      .bits = c.params.at("bits"),
                                                      .granularity = Granularity::per_channel,
                                                      .slot = "case"});
  quantizer->set_mode(Mode::evaluation);
  const auto codes = quantizer->codes(tensor(c.inputs.at("w")));
  check.f32("scale", {codes->grid.scale.begin(), codes->grid.scale.end()}, c.expect.at("scale"));
  check.exact("q", codes->values, c.expect.at("q"));
}

void round_mode(const Case& c, Comparison& check) {
  const std::string mode = c.params.at("mode");
  const double scale = c.params.at("scale");
  if (mode == "half_up") throw NotThere{"TensorFlow's rounding of values; here ties go to even"};
  if (mode == "half_away") {  // zero points
    std::vector<double> q = numbers(c.inputs.at("x"));
    for (double& value : q) value = std::clamp(round_half_away(value / scale), -8.0, 7.0);
    check.exact("q", q, c.expect.at("q"));
    return;
  }
  QuantGrid grid = signed_full_grid(4);  // the case clips to [-8, 7]
  grid.scale[0] = static_cast<float>(scale);
  check.exact("q", centered_codes(tensor(c.inputs.at("x")), grid), c.expect.at("q"));
}

QuantGrid affine_grid(const Case& c) {
  const int bits = c.params.at("bits");
  return c.params.at("signed") ? signed_full_grid(bits) : unsigned_grid(bits);
}

void params(const Case& c, Comparison& check) {
  QuantGrid grid = affine_grid(c);
  cover_affine(grid, 0, {c.params.at("min"), c.params.at("max")});
  check.f32("scale", {grid.scale[0]}, c.expect.at("scale"));
  check.exact("zero_point", {static_cast<double>(grid.zero_point[0])}, c.expect.at("zero_point"));
  check.exact("qmin", {static_cast<double>(grid.qmin)}, c.expect.at("qmin"));
  check.exact("qmax", {static_cast<double>(grid.qmax)}, c.expect.at("qmax"));
  const Window nudged =
      real_window(grid.scale[0], centered_range(grid, 0), {c.params.at("min"), c.params.at("max")});
  check.f32("nudged_min", {nudged.low}, c.expect.at("nudged_min"));
  check.f32("nudged_max", {nudged.high}, c.expect.at("nudged_max"));
}

void fake_quant(const Case& c, Comparison& check) {
  for (const char* mask : {"real", "code"}) {
    for (const bool trained : {false, true}) {
      // An average that stays at the calibrated range.
      Settings settings =
          Settings::from({{"momentum", 1.0},
                          {"mask", mask},
                          {"train_ranges", trained},
                          {"grid", c.params.at("signed") ? "signed_full" : "unsigned"}});
      const auto quantizer = make_quantizer("affine", {.role = Role::activation,
                                                       .bits = c.params.at("bits"),
                                                       .slot = "case",
                                                       .settings = settings});
      quantizer->calibratable()->calibrate(
          std::vector{ValueRange{c.params.at("min"), c.params.at("max")}});
      const QuantGrid grid = quantizer->grid();
      check.f32("scale", {grid.scale[0]}, c.expect.at("scale"));
      check.exact("zero_point", {static_cast<double>(grid.zero_point[0])},
                  c.expect.at("zero_point"));
      const Variable x(tensor(c.inputs.at("x")), true);
      std::vector<double> q = numbers(quantizer->quantize(x.value()));
      for (double& code : q) code += grid.zero_point[0];
      check.exact("q", q, c.expect.at("q"));
      const Variable y = quantizer->forward(x);
      check.f32("y", y.value(), c.expect.at("y"));
      backward(y, tensor(c.inputs.at("upstream")));
      const bool real = std::string_view(mask) == "real";
      check.f32("grad_x", gradient(x), c.expect.at(real ? "grad_x" : "grad_x_rounded_mask"));
      if (!trained || !real) continue;
      for (const auto& [name, value] : quantizer->parameters()) {
        check.f32_reduced("grad_" + name, double{gradient(value).item()},
                          c.expect.at("grad_" + name));
      }
    }
  }
}

void ema(const Case& c, Comparison& check) {
  RangeAverage average(c.params.at("momentum"));
  const std::vector<double> mins = numbers(c.params.at("mins")),
                            maxs = numbers(c.params.at("maxs"));
  std::vector<double> min, max;
  for (std::size_t i = 0; i < mins.size(); ++i) {
    average.add({mins[i], maxs[i]});
    min.push_back(average.value().min);
    max.push_back(average.value().max);
  }
  check.f64("ema_min", min, c.expect.at("ema_min"));
  check.f64("ema_max", max, c.expect.at("ema_max"));
}

void ema_zero_debias(const Case& c, Comparison& check) {
  RangeAverage average(c.params.at("momentum"), true);
  std::vector<double> max;
  for (const double value : numbers(c.params.at("values"))) {
    average.add({0.0, value});
    max.push_back(average.value().max);
  }
  check.f64("ema", max, c.expect.at("ema"));
}

void quantize_nonfinite(const Case& c, Comparison& check) {
  const int zero_point = c.params.at("zero_point");
  QuantGrid grid{.bits = 8, .qmin = c.params.at("qmin"), .qmax = c.params.at("qmax")};
  grid.scale[0] = c.params.at("scale");
  grid.zero_point[0] = zero_point;
  std::vector<double> q = numbers(centered_codes(tensor(c.inputs.at("x")), grid));
  for (double& code : q) code += zero_point;
  check.exact("q", q, c.expect.at("q"));
}

constexpr std::array kOperations{Operation{"affine.params", params},
                                 Operation{"affine.fake_quant", fake_quant},
                                 Operation{"affine.ema", ema},
                                 Operation{"affine.ema_zero_debias", ema_zero_debias},
                                 Operation{"sym.quantize", sym_quantize},
                                 Operation{"sym.per_channel", sym_per_channel},
                                 Operation{"round.mode", round_mode},
                                 Operation{"affine.quantize_nonfinite", quantize_nonfinite}};

}  // namespace

std::span<const Operation> affine_operations() { return kOperations; }

}  // namespace quench::vectors
