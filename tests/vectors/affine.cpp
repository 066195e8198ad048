#include <array>

#include "quant/grid.h"
#include "quant/registry.h"
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
  const auto quantizer = make_quantizer("ste", {.role = Role::weight,
                                                .bits = c.params.at("bits"),
                                                .granularity = Granularity::per_channel,
                                                .slot = "case"});
  quantizer->set_mode(Mode::evaluation);
  const auto codes = quantizer->codes(tensor(c.inputs.at("w")));
  check.f32("scale", {codes->grid.scale.begin(), codes->grid.scale.end()}, c.expect.at("scale"));
  check.exact("q", codes->values, c.expect.at("q"));
}

void round_mode(const Case& c, Comparison& check) {
  if (c.params.at("mode") != "half_even") throw NotThere{"quantizers round ties to even only"};
  QuantGrid grid = signed_full_grid(4);  // the case clips to [-8, 7]
  grid.scale[0] = c.params.at("scale");
  check.exact("q", centered_codes(tensor(c.inputs.at("x")), grid), c.expect.at("q"));
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

constexpr std::array kOperations{Operation{"sym.quantize", sym_quantize},
                                 Operation{"sym.per_channel", sym_per_channel},
                                 Operation{"round.mode", round_mode},
                                 Operation{"affine.quantize_nonfinite", quantize_nonfinite}};

}  // namespace

std::span<const Operation> affine_operations() { return kOperations; }

}  // namespace quench::vectors
