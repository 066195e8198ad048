#include "experiments/compare/variants.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

using namespace quench::experiments;

namespace {

using Texts = std::vector<std::string>;

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

std::string axis_error(const std::string& axis) {
  return error_of([&] { make_variants({}, {axis}); });
}
std::string bundle_error(const std::string& bundle) {
  return error_of([&] { make_variants({bundle}, {}); });
}
std::string seeds_error(const std::string& seeds) {
  return error_of([&] { parse_seeds(seeds); });
}

}  // namespace

TEST_CASE("make_variants: every combination, the first key varying slowest") {
  const std::vector<Variant> expected{
      {"ste_bits=2", {"quant.method=ste", "quant.bits=2"}},
      {"ste_bits=4", {"quant.method=ste", "quant.bits=4"}},
      {"ab_bits=2", {"quant.method=ab", "quant.bits=2"}},
      {"ab_bits=4", {"quant.method=ab", "quant.bits=4"}},
  };
  CHECK(make_variants({}, {"quant.method=ste,ab", "quant.bits=2,4"}) == expected);
}

TEST_CASE("make_variants: bundles come before the axes, and may be empty") {
  const std::vector<Variant> expected{
      {"base_lr=0.1", {"optimizer.lr=0.1"}},
      {"base_lr=0.2", {"optimizer.lr=0.2"}},
      {"ab_lr=0.1", {"quant.method=ab", "quant.ab={end = 0.5}", "optimizer.lr=0.1"}},
      {"ab_lr=0.2", {"quant.method=ab", "quant.ab={end = 0.5}", "optimizer.lr=0.2"}},
  };
  CHECK(make_variants({"base:", "ab: quant.method=ab  quant.ab={end = 0.5}"},
                      {"optimizer.lr=0.1,0.2"}) == expected);
}

TEST_CASE("make_variants: names contain as much of the key as distinguishes it") {
  const auto variants = make_variants({}, {"quant.weight.bits=2", "quant.activation.bits=4"});
  CHECK(variants.at(0).name == "weight.bits=2_activation.bits=4");
  CHECK(make_variants({}, {"data.horizontal_flip=true"}).at(0).name == "horizontal_flip=true");
}

TEST_CASE("make_variants: commas in brackets and quotes belong to the value") {
  const auto variants = make_variants({}, {"data.mean=[1, 2],[3, 4]"});
  REQUIRE(variants.size() == 2);
  CHECK(variants[0].overrides == Texts{"data.mean=[1, 2]"});
  CHECK(variants[0].name == "mean=-1--2-");
  const auto quoted = make_variants({}, {"data.dir=\"a,b\",'c'"});
  CHECK(quoted.at(0).overrides == Texts{"data.dir=\"a,b\""});
  CHECK(quoted.at(1).overrides == Texts{"data.dir='c'"});
}

TEST_CASE("make_variants: malformed strings are quoted in the error") {
  CHECK(axis_error("quant.method") == "--vary quant.method: expected key=value,value");
  CHECK(axis_error("=ste") == "--vary =ste: expected key=value,value");
  CHECK(axis_error("quant.method=ste,,ab") ==
        "--vary quant.method=ste,,ab: expected key=value,value, got an empty value");
  CHECK(axis_error("quant.method=ste,ste") ==
        "compare: two variants are called ste; name them with --variant 'name: key=value'");
  CHECK(axis_error("train.seed=1,2") ==
        "compare: expected no train.seed, got train.seed=1; --seeds gives the seeds");
  CHECK(error_of([] {
          make_variants({}, {"a.b=1", "a.b=2"});
        }) == "--vary a.b: this key is varied twice");
  CHECK(bundle_error("quant.method=ab") ==
        "--variant 'quant.method=ab': expected 'name: key=value key=value'");
  CHECK(bundle_error("a/b: x=1") ==
        "--variant 'a/b: x=1': expected a name of letters, digits and ._=+-, got 'a/b'");
  CHECK(bundle_error("..: x=1").find("got '..'") != std::string::npos);
  CHECK(bundle_error("a: x") == "--variant 'a: x': expected key=value, got 'x'");
}

TEST_CASE("parse_seeds: ranges and lists, in both directions") {
  CHECK(parse_seeds("0..4") == std::vector<std::uint64_t>{0, 1, 2, 3, 4});
  CHECK(parse_seeds("7") == std::vector<std::uint64_t>{7});
  CHECK(parse_seeds("0..1,10,3..4") == std::vector<std::uint64_t>{0, 1, 10, 3, 4});
  CHECK(seeds_text({0, 1, 10, 3, 4}) == "0..1,10,3..4");
}

TEST_CASE("parse_seeds: malformed strings are errors") {
  CHECK(seeds_error("0-4") == "--seeds 0-4: expected seeds >= 0 such as 0..4 or 1,5,9, got '0-4'");
  CHECK(seeds_error("") == "--seeds : expected seeds >= 0 such as 0..4 or 1,5,9, got ''");
  CHECK(seeds_error("1..") == "--seeds 1..: expected seeds >= 0 such as 0..4 or 1,5,9, got ''");
  CHECK(seeds_error("-1").find("got '-1'") != std::string::npos);
  CHECK(seeds_error("4..0") == "--seeds 4..0: expected first..last with first <= last, got 4..0");
  CHECK(seeds_error("0..2,1") == "--seeds 0..2,1: expected each seed once, got 1 twice");
  CHECK(seeds_error("0..1000") == "--seeds 0..1000: expected at most 1000 seeds");
  CHECK(seeds_error("0..9223372036854775807").find("at most 1000") != std::string::npos);
}
