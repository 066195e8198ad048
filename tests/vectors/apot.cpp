#include <array>

#include "vectors/operations.h"
#include "vectors/trained.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

void apot_levels(const Case& c, Comparison& check) {
  if (c.params.at("base_bits") != 2) throw NotThere{"terms without 2 bits"};
  Settings settings = Settings::from(
      {{"act_grid", c.params.at("signed").get<bool>() ? "signed_narrow" : "unsigned"}});
  const QuantGrid grid = make_quantizer("apot", {.role = Role::activation,
                                                 .bits = c.params.at("bits"),
                                                 .slot = "case",
                                                 .settings = settings})
                             ->grid();
  std::vector<double> levels;
  for (const std::int32_t level : grid.levels)
    levels.push_back(static_cast<double>(level) / grid.qmax);
  check.f64("levels", levels, c.expect.at("levels"));
}

constexpr std::array kOperations{Operation{"plugin.apot_levels", apot_levels}};

}  // namespace

std::span<const Operation> apot_operations() { return kOperations; }

}  // namespace quench::vectors
