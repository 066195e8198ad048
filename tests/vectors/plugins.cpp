#include <array>

#include "quant/registry.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

void plugin_ewgs(const Case& c, Comparison& check) {
  // 3 levels per unit and weights that reach 1: the signed grid of 3 bits.
  if (c.params.at("levels_per_unit") != 3) throw NotThere{"a grid without 3 bits"};
  Settings settings = Settings::from({{"delta", c.params.at("delta").get<double>()}});
  const auto quantizer = make_quantizer("ewgs", {.bits = 3, .slot = "case", .settings = settings});
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
}

constexpr std::array kOperations{Operation{"plugin.ewgs", plugin_ewgs}};

}  // namespace

std::span<const Operation> plugins_operations() { return kOperations; }

}  // namespace quench::vectors
