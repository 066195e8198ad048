#include "quant/policy.h"

#include <doctest/doctest.h>

#include "quant/policy_rules.h"
#include "quant/registry.h"
#include "quant/strategies/ste.h"

namespace quench::quant {
namespace {

Settings table(std::initializer_list<Settings::Entry> entries) { return Settings::from(entries); }

std::string describe(const Quantizer& quantizer) {
  if (!quantizer.quantizes()) return "none";
  return std::to_string(quantizer.bits()) +
         (quantizer.granularity() == Granularity::per_channel ? " per_channel" : "");
}

/// "weight | activation"
std::string describe(Policy& policy, const LayerInfo& layer) {
  const LayerQuantizers quantizers = policy.make(layer);
  return describe(*quantizers.weight) + " | " + describe(*quantizers.input);
}

TEST_CASE("an empty table quantizes nothing") {
  Policy policy{Settings()};
  CHECK(describe(policy, {.name = "conv1", .first = true}) == "none | none");
  policy.finish();
}

TEST_CASE("the network's rule: for both, or by role; 8 bits by default") {
  Policy both(table({{"method", "ste"}, {"granularity", "per_channel"}}));
  CHECK(describe(both, {.name = "a"}) == "8 per_channel | 8");

  Policy apart(table({{"method", "ste"},
                      {"bits", 4},
                      {"weight", table({{"bits", 2}})},
                      {"activation", table({{"method", "none"}})}}));
  CHECK(describe(apart, {.name = "a"}) == "2 | none");
}

TEST_CASE("granularity: the method's own by default") {
  Policy open(table({{"method", "symmetric"}}));
  CHECK(describe(open, {.name = "a", .out_channels = 2}) == "8 per_channel | 8");
  Policy automatic(table({{"method", "ste"}, {"granularity", "auto"}}));
  CHECK(describe(automatic, {.name = "a"}) == "8 | 8");
  Policy given(
      table({{"method", "symmetric"}, {"weight", table({{"granularity", "per_tensor"}})}}));
  CHECK(describe(given, {.name = "a"}) == "8 | 8");
}

TEST_CASE("slots are named after their layer") {
  Policy policy(table({{"method", "ste"}}));
  const LayerQuantizers made = policy.make({.name = "block1.dw"});
  CHECK(made.weight->slot() == "block1.dw.weight");
  CHECK(made.input->slot() == "block1.dw.input");
  CHECK(made.weight->role() == Role::weight);
  CHECK(made.input->role() == Role::activation);
}

TEST_CASE("later rules win key by key: depthwise, first, last, overrides") {
  const Settings settings =
      table({{"method", "ste"},
             {"bits", 4},
             {"depthwise", table({{"bits", 8}})},
             {"first_layer", table({{"activation", table({{"method", "none"}})}})},
             {"last_layer", table({{"weight", table({{"granularity", "per_channel"}})}})},
             {"override", SettingsValue::List{table({{"match", "block?.*"}, {"bits", 3}}),
                                              table({{"match", "block1.*"}, {"method", "ab"}})}}});
  Policy policy(settings);
  CHECK(describe(policy, {.name = "plain"}) == "4 | 4");
  CHECK(describe(policy, {.name = "dw", .depthwise = true}) == "8 | 8");
  CHECK(describe(policy, {.name = "stem", .first = true}) == "4 | none");
  CHECK(describe(policy, {.name = "head", .last = true}) == "4 per_channel | 4");
  CHECK(describe(policy, {.name = "only", .first = true, .last = true, .depthwise = true}) ==
        "8 per_channel | none");
  CHECK(describe(policy, {.name = "block2.dw", .depthwise = true}) == "3 | 3");
  CHECK(describe(policy, {.name = "block1.pw"}) == "3 | 3");
  CHECK(policy.make({.name = "block1.pw"}).weight->method() == "ab");
  policy.finish();
}

TEST_CASE("a method's table goes to all its quantizers, and a leftover key is an error") {
  const auto with = [](const char* key) {
    return table({{"method", "ste"}, {"bits", 1}, {"ste", table({{key, 0.5}})}});
  };
  Policy good(with("clip"));
  good.make({.name = "a"});
  good.finish();
  Policy misspelt(with("clop"));
  misspelt.make({.name = "a"});
  CHECK_THROWS_WITH_AS(misspelt.finish(), doctest::Contains("clip"), std::invalid_argument);
}

TEST_CASE("unknown methods and keys are rejected, with the nearest name") {
  CHECK_THROWS_WITH_AS(Policy(table({{"method", "abb"}})),
                       doctest::Contains("did you mean \"ab\"?"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Policy(table({{"stee", table({{"clip", 1.0}})}})),
                       doctest::Contains("did you mean 'ste'?"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Policy(table({{"first_leyer", table({{"bits", 8}})}})),
                       doctest::Contains("did you mean 'first_layer'?"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Policy(table({{"weight", table({{"bits", 9}})}})),
                       doctest::Contains("weight.bits: expected an integer in 1..8, got 9"),
                       std::invalid_argument);
}

TEST_CASE("the table of an unused method: its keys are checked, and it gets no defaults") {
  const Settings good = table({{"method", "ste"}, {"ab", table({{"end", 0.8}})}});
  Policy policy(good);
  policy.make({.name = "a"});
  policy.finish();
  CHECK(good.table("ab").keys() == std::vector<std::string>{"end"});
  CHECK(good.resolved().find("ppq_updates") == std::string::npos);

  const auto refused = [](Settings quant, const char* why) {
    Policy other(std::move(quant));
    other.make({.name = "a"});
    CHECK_THROWS_WITH_AS(other.finish(), doctest::Contains(why), std::invalid_argument);
  };
  refused(table({{"lsq", table({{"bogus", 1}})}}), "lsq.bogus");
  refused(table({{"none", table({{"bogus", 1}})}, {"method", "ste"}}), "none.bogus");
  refused(table({{"ab", table({{"end", 2.0}})}}), "ab.end: expected a number in 0..1, got 2");
  refused(table({{"twn", table({{"threshold_factor", "x"}})}}), "twn.threshold_factor");
}

TEST_CASE("finish() finds unread keys, also inside a rule") {
  Policy policy(
      table({{"method", "ste"}, {"activation", table({{"granularity", "per_channel"}})}}));
  policy.make({.name = "a"});
  CHECK_THROWS_WITH_AS(policy.finish(), doctest::Contains("activation.granularity"),
                       std::invalid_argument);
}

TEST_CASE("two conflicting overrides for one layer are an error that names both") {
  Policy policy(
      table({{"method", "ste"},
             {"override",
              SettingsValue::List{table({{"match", "fc*"}, {"bits", 3}}),
                                  table({{"match", "*1"}, {"weight", table({{"bits", 2}})}})}}}));
  CHECK(describe(policy, {.name = "fc2"}) == "3 | 3");
  CHECK(describe(policy, {.name = "conv1"}) == "2 | 8");
  CHECK_THROWS_WITH_AS(
      policy.make({.name = "fc1"}),
      "<settings>: quant.override: expected overrides that agree on layer fc1, got two values for "
      "weight.bits: from match \"fc*\" (<settings>) and match \"*1\"",
      std::invalid_argument);
}

TEST_CASE("a method that does not support one role leaves that slot to its partner") {
  const auto factory = [](const SlotSpec& spec) { return ste_strategy().make(spec); };
  register_quantizer(
      {.name = "acts_only", .summary = "ste", .weight_bits = {0, 0}, .partner = "ab"}, factory);
  Policy shared(table({{"method", "acts_only"}, {"bits", 4}}));
  LayerQuantizers made = shared.make({.name = "conv"});
  CHECK(made.weight->method() == "ab");
  CHECK(made.input->method() == "acts_only");
  Policy explicitly(table({{"weight", table({{"method", "acts_only"}})}}));
  CHECK_THROWS_WITH_AS(explicitly.make({.name = "conv"}),
                       "conv.weight: acts_only does not support weight quantization",
                       std::invalid_argument);
}

TEST_CASE("an override that matches no layer is an error that lists them") {
  Policy policy(
      table({{"override", SettingsValue::List{table({{"match", "konv*"}, {"method", "none"}})}}}));
  policy.make({.name = "conv1"});
  policy.make({.name = "conv2"});
  CHECK_THROWS_WITH_AS(
      policy.finish(),
      "<settings>: quant.override.match: expected a pattern that matches a layer, got \"konv*\" "
      "(layers: conv1, conv2)",
      std::invalid_argument);
}

TEST_CASE("patterns: * is any letters, ? is one, and the whole name has to match") {
  CHECK(matches("*", ""));
  CHECK(matches("block*.pw", "block12.pw"));
  CHECK(matches("*a*b", "xaxbxab"));
  CHECK(matches("conv?", "conv1"));
  CHECK_FALSE(matches("conv?", "conv"));
  CHECK_FALSE(matches("conv", "conv1"));
  CHECK_FALSE(matches("*a*b", "xaxbxac"));
  CHECK_FALSE(matches("", "x"));
}

/// "method bits" of each operand, or of the shared quantizer.
std::string operands(Policy& policy, const OperandInfo& module) {
  const auto made = policy.make_operands(module);
  REQUIRE(made.size() == module.count);
  const auto text = [](const Quantizer& quantizer) {
    return quantizer.method() + (quantizer.quantizes() ? " " + describe(quantizer) : "");
  };
  if (module.count == 1) return text(*made[0]);
  if (made[0] == made[1]) return "both " + text(*made[0]);
  return text(*made[0]) + ", " + text(*made[1]);
}

constexpr OperandKind kPool = OperandKind::pool;

TEST_CASE("operands: float without a rule, even if an override matches their names") {
  Policy policy(table({{"method", "ste"},
                       {"bits", 4},
                       {"override", SettingsValue::List{table({{"match", "*"}, {"bits", 3}})}}}));
  policy.make({.name = "conv"});
  CHECK(operands(policy, {.name = "add"}) == "none, none");
  CHECK(operands(policy, {.name = "pool", .kind = kPool, .count = 1}) == "none");
  policy.finish();
}

TEST_CASE(
    "operands: the method of activations and 8 bits by default; rule and overrides can change it") {
  Policy policy(
      table({{"method", "pact"},
             {"bits", 4},
             {"activation", table({{"method", "lsq"}})},
             {"residual", Settings()},
             {"pool", table({{"method", "affine"}, {"bits", 6}})},
             {"override",
              SettingsValue::List{table({{"match", "stack1.*"}, {"bits", 5}}),
                                  table({{"match", "p?"}, {"weight", table({{"bits", 2}})}})}}}));
  CHECK(operands(policy, {.name = "stack0.add"}) == "lsq 8, lsq 8");
  CHECK(operands(policy, {.name = "stack1.add"}) == "lsq 5, lsq 5");
  CHECK(operands(policy, {.name = "p1", .kind = kPool, .count = 1}) == "affine 6");
  policy.finish();
}

TEST_CASE("operands: one grid for both if the method or the rule requires it") {
  Policy tqt(table({{"method", "tqt"}, {"residual", Settings()}}));
  CHECK(operands(tqt, {.name = "add"}) == "both tqt 8");
  Policy apart(table({{"method", "tqt"}, {"residual", table({{"shared", false}})}}));
  CHECK(operands(apart, {.name = "add"}) == "tqt 8, tqt 8");
  Policy joined(table({{"residual", table({{"method", "ste"}, {"shared", true}})}}));
  CHECK(operands(joined, {.name = "add"}) == "both ste 8");
}

TEST_CASE("operands: invalid rules are rejected") {
  CHECK_THROWS_WITH_AS(Policy(table({{"residual", table({{"bits", 9}})}})),
                       "<settings>: residual.bits: expected an integer in 1..8, got 9",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Policy(table({{"pool", table({{"method", "afine"}})}})),
                       doctest::Contains("did you mean \"affine\"?"), std::invalid_argument);
  Policy weights(table({{"residual", table({{"method", "twn"}})}}));
  CHECK_THROWS_WITH_AS(weights.make_operands({.name = "add"}),
                       "add.input1: twn does not support activation quantization",
                       std::invalid_argument);
  Policy scaled(table({{"residual", table({{"method", "xnor"}, {"bits", 1}})}}));
  CHECK_THROWS_WITH_AS(
      scaled.make_operands({.name = "add"}),
      doctest::Contains("add.input1: expected a method that is fully described by its grid"),
      std::invalid_argument);
  Policy leftover(table({{"pool", table({{"shared", true}})}}));
  CHECK_THROWS_WITH_AS(leftover.finish(), doctest::Contains("pool.shared"), std::invalid_argument);
}

TEST_CASE("uniform_policy: one method and its bits; the first layer reads an affine 8-bit image") {
  Policy policy = uniform_policy({.method = "lsq", .weight_bits = 2, .activation_bits = 4});
  const LayerQuantizers first = policy.make({.name = "conv1", .first = true});
  CHECK(first.input->method() == "affine");
  CHECK(first.input->bits() == 8);
  CHECK(first.weight->method() == "lsq");
  CHECK(first.weight->bits() == 2);
  const LayerQuantizers other = policy.make({.name = "conv2"});
  CHECK(other.input->method() == "lsq");
  CHECK(other.input->bits() == 4);
  CHECK(other.weight->bits() == 2);
  policy.finish();
  CHECK_THROWS_AS(uniform_policy({.method = "lsq", .weight_bits = 9}).make({.name = "conv1"}),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
