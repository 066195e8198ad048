#include "quant/registry.h"

#include <doctest/doctest.h>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

TEST_CASE("built-in strategies come first, with a summary each") {
  const std::vector<StrategyInfo> known = registered_quantizers();
  REQUIRE(known.size() >= 3);
  CHECK(known[0].name == "none");
  for (const StrategyInfo& info : known) CHECK_FALSE(info.summary.empty());
}

TEST_CASE("an external program adds a strategy once, under a free name") {
  const auto factory = [](const SlotSpec& spec) { return make_quantizer("ste", spec); };
  register_quantizer({.name = "outside", .summary = "ste by another name"}, factory);
  CHECK(registered_quantizers().back().name == "outside");
  CHECK(make("outside", {.bits = 4})->bits() == 4);
  CHECK_THROWS_WITH_AS(register_quantizer({.name = "outside"}, factory),
                       "register_quantizer: 'outside' is already registered",
                       std::invalid_argument);
  CHECK_THROWS_AS(register_quantizer({.name = "ste"}, factory), std::invalid_argument);
}

TEST_CASE("invalid strategies are rejected at registration") {
  CHECK_THROWS_WITH_AS(
      make("stee", {.slot = "conv1.weight"}),
      doctest::Contains("conv1.weight: unknown quantizer 'stee'; did you mean 'ste'?"),
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("ste", {.bits = 9}),
                       "layer.slot: ste: expected bits in 1..8 for weights, got 9",
                       std::invalid_argument);
  CHECK_THROWS_AS(make("ste", {.role = Role::activation, .granularity = Granularity::per_channel}),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
