#include "deploy/integer_only/integer_addition.h"

#include <doctest/doctest.h>

#include <map>
#include <utility>

#include "deploy/network/arithmetic.h"

using namespace quench;
using namespace quench::deploy;

namespace {

struct Sum {
  quant::QuantGrid first, second, output;
  std::vector<Affine> steps;
};

/// For every pair of codes, against stored_code().
IntegerAddition checked(const Sum& sum) {
  IntegerNetwork network{.channels = 1, .height = 1, .width = 1};
  network.values = {{1, 1, 1, sum.first, {}}, {1, 1, 1, sum.second, {}}, {1, 1, 1, sum.output, {}}};
  const Operation operation{"add", Addition{}, {0, 1}, {{sum.steps, 2}}};
  IntegerAddition result = integer_addition(network, operation, operation.outputs[0], 0);
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> exceptions;
  for (const auto& [a, b, code] : result.exceptions) exceptions[{a, b}] = code;
  std::int64_t different = 0;
  for (std::int32_t q1 = sum.first.qmin; q1 <= sum.first.qmax; ++q1) {
    for (std::int32_t q2 = sum.second.qmin; q2 <= sum.second.qmax; ++q2) {
      const std::int32_t a = q1 - sum.first.zero_point[0], b = q2 - sum.second.zero_point[0];
      float x =
          sum.first.scale[0] * static_cast<float>(a) + sum.second.scale[0] * static_cast<float>(b);
      for (const Affine& step : sum.steps) x = apply(step, 0, x);
      const std::int32_t expected = stored_code(x, sum.output) + sum.output.qmin;
      std::int32_t code = 0;
      if (result.table.empty()) {
        const auto exception = exceptions.find({a, b});
        code = exception == exceptions.end() ? result.line(a, b) : exception->second;
      } else {
        code = result.table[static_cast<std::size_t>(q1 - sum.first.qmin)]
                           [static_cast<std::size_t>(q2 - sum.second.qmin)];
      }
      different += code != expected ? 1 : 0;
    }
  }
  CHECK(different == 0);
  return result;
}

quant::QuantGrid scaled(quant::QuantGrid grid, float scale, std::int32_t zero_point = 0) {
  grid.scale = {scale};
  grid.zero_point = {zero_point};
  return grid;
}

}  // namespace

TEST_CASE("integer addition: powers of two are shifts, with ties to even") {
  const IntegerAddition sum =
      checked({scaled(quant::unsigned_grid(8), 0.5f), scaled(quant::signed_full_grid(8), 0.25f),
               scaled(quant::signed_full_grid(8), 1.0f)});
  CHECK(sum.rounding == Rounding::half_even);
  CHECK(sum.multiplier1 == 2);
  CHECK(sum.multiplier2 == 1);
  CHECK(sum.offset == 0);
  CHECK(sum.shift == 2);
  CHECK(sum.exceptions.empty());
}

TEST_CASE("integer addition: any scales and zero points, with few exceptions") {
  const IntegerAddition sum = checked({scaled(quant::unsigned_grid(8), 0.037128731f, 10),
                                       scaled(quant::unsigned_grid(8), 0.061349127f, 120),
                                       scaled(quant::unsigned_grid(8), 0.082237159f, 100)});
  CHECK(sum.table.empty());
  CHECK(sum.exceptions.size() <= 4);
}

TEST_CASE("integer addition: batch norm of either sign, no gain, and into 1 bit") {
  const quant::QuantGrid eight = scaled(quant::signed_narrow_grid(8), 0.05f);
  for (const float gain : {1.7f, -0.6f, 0.0f}) {
    CAPTURE(gain);
    const std::vector<Affine> norm{{{gain}, {0.3f}, Activation::none}};
    CHECK(checked({eight, eight, eight, norm}).table.empty());
    CHECK(checked({eight, eight, quant::binary_grid(), norm}).table.empty());
  }
}

TEST_CASE("integer addition: into levels by a table") {
  const quant::QuantGrid four = scaled(quant::unsigned_grid(4), 0.3f);
  const IntegerAddition sum =
      checked({four, four, {.bits = 3, .qmin = 0, .qmax = 8, .levels = {0, 1, 2, 4, 8}}, {}});
  CHECK(sum.table.size() == 16);
}
