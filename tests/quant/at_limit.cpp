#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

using Limits = std::vector<std::tuple<std::string, std::int64_t, std::int64_t>>;

Limits limits_of(const Quantizer& quantizer) {
  Limits result;
  for (const ValuesAtLimit& values : quantizer.limited()->at_limit())
    result.emplace_back(values.what, values.count, values.of);
  return result;
}

/// As if an optimizer had brought element `i` of a parameter there; then the quantizer has its say.
void train_to(Quantizer& quantizer, const std::string& parameter, std::size_t i, float value) {
  for (auto& [name, variable] : quantizer.parameters()) {
    if (name != parameter) continue;
    variable.mutable_value().span()[i] = value;
    variable.mutable_value().bump_version();
  }
  quantizer.step(0);
}

TEST_CASE("at limit: steps and clips at their floor, until training moves them away") {
  struct Method {
    const char* name;
    Role role;
    const char* parameter;
  };
  for (const auto& [name, role, parameter] :
       {Method{"lsq", Role::weight, "scale"}, Method{"lsq", Role::activation, "scale"},
        Method{"lsq_plus", Role::weight, "scale"}, Method{"lsq_plus", Role::activation, "scale"},
        Method{"pact", Role::activation, "alpha"}, Method{"apot", Role::weight, "alpha"},
        Method{"apot", Role::activation, "alpha"}}) {
    CAPTURE(name);
    CAPTURE(static_cast<int>(role));
    const auto quantizer = make(name, {.role = role, .bits = 4});
    CHECK(limits_of(*quantizer).empty());
    quantizer->observe(random_tensor({64}, 3));
    CHECK(limits_of(*quantizer).empty());
    train_to(*quantizer, parameter, 0, -1.0f);
    CHECK(limits_of(*quantizer) == Limits{{parameter + std::string(" at its floor"), 1, 1}});
    train_to(*quantizer, parameter, 0, 0.1f);
    CHECK(limits_of(*quantizer).empty());
  }
}

TEST_CASE("at limit: of a step per channel, how many") {
  const auto quantizer =
      make("lsq", {.bits = 4, .granularity = Granularity::per_channel, .channels = 5});
  quantizer->observe(random_tensor({5, 8}, 3));
  train_to(*quantizer, "scale", 1, 0.0f);
  train_to(*quantizer, "scale", 4, -2.0f);
  CHECK(limits_of(*quantizer) == Limits{{"scale at its floor", 2, 5}});
}

TEST_CASE("at limit: tqt's log2 threshold at either end") {
  const auto quantizer = started("tqt", {.bits = 4});
  quantizer->observe(random_tensor({64}, 3));
  CHECK(limits_of(*quantizer).empty());
  for (const float far : {-1000.0f, 1000.0f}) {
    train_to(*quantizer, "log2_t", 0, far);
    CHECK(limits_of(*quantizer) == Limits{{"log2_t at its limit", 1, 1}});
  }
  train_to(*quantizer, "log2_t", 0, 3.0f);
  CHECK(limits_of(*quantizer).empty());
}

TEST_CASE("at limit: fat's factors far outside their limits, where they have no gradient") {
  const auto symmetric = make("fat", {.bits = 4});
  symmetric->observe(random_tensor({64}, 3));
  CHECK(limits_of(*symmetric).empty());  // though alpha starts at the upper one
  train_to(*symmetric, "alpha", 0, 1.04f);
  CHECK(limits_of(*symmetric).empty());
  for (const float far : {0.44f, 1.06f}) {
    train_to(*symmetric, "alpha", 0, far);
    CHECK(limits_of(*symmetric) == Limits{{"alpha far outside its limits", 1, 1}});
  }
  const auto clamped = make("fat", {.bits = 4}, Settings::from({{"clamp", true}}));
  clamped->observe(random_tensor({64}, 3));
  train_to(*clamped, "alpha", 0, 7.0f);
  CHECK(limits_of(*clamped).empty());

  const auto asymmetric = make("fat", {.bits = 4}, Settings::from({{"mode", "asymmetric"}}));
  asymmetric->observe(random_tensor({64}, 3));
  train_to(*asymmetric, "alpha_t", 0, 0.5f);
  train_to(*asymmetric, "alpha_r", 0, 2.0f);
  CHECK(limits_of(*asymmetric) ==
        Limits{{"alpha_t far outside its limits", 1, 1}, {"alpha_r far outside its limits", 1, 1}});
}

TEST_CASE("at limit: methods that train nothing of their grids have no limits") {
  for (const char* name : {"symmetric", "affine", "ste", "dorefa"})
    CHECK(make(name, {.bits = 4})->limited() == nullptr);
}

}  // namespace
}  // namespace quench::quant
