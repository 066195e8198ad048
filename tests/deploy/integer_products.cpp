#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "deploy/integer_only/requantizers.h"
#include "deploy/network/arithmetic.h"
#include "deploy/small_network.h"

// The integer forms of products and functions, checked for every code of their inputs.

using namespace quench;
using namespace quench::deploy;

namespace {

/// Two values of one element each, `a` and `b`, and their product.
struct Product {
  quant::QuantGrid a, b, output;
  std::vector<Affine> steps;

  /// Compares the codes of every pair with f32. Returns how many had a form of their product.
  std::int64_t check() const {
    IntegerNetwork network{.channels = 1, .height = 1, .width = 1};
    network.values = {{1, 1, 1, a, {}}, {1, 1, 1, b, {}}, {1, 1, 1, output, {}}};
    const Operation operation{"product", Multiplication{}, {0, 1}, {{steps, 2}}};
    const OutputForms forms = requantizers(network, operation).at(0);
    std::int64_t different = 0, by_product = 0;
    for (std::int32_t q1 = a.qmin; q1 <= a.qmax; ++q1) {
      for (std::int32_t q2 = b.qmin; q2 <= b.qmax; ++q2) {
        const std::int32_t x = q1 - a.zero_point[0], y = q2 - b.zero_point[0];
        const bool offset = a.offset != 0.0f || b.offset != 0.0f;
        const float scale = a.scale[0] * b.scale[0];
        float real = static_cast<float>(x * y) * scale;
        if (offset)
          real = (a.scale[0] * static_cast<float>(x) + a.offset) *
                 (b.scale[0] * static_cast<float>(y) + b.offset);
        for (const Affine& step : steps) real = apply(step, 0, real);
        const std::int32_t expected = stored_code(real, output) + output.qmin;
        std::int32_t code = 0;
        if (const auto* sums = std::get_if<std::vector<SumForms>>(&forms)) {
          code = sums->at(0).channels.at(0)(x * y);
          ++by_product;
        } else {
          code = std::get<AdditionForms>(forms).channels.at(0).table.at(
              static_cast<std::size_t>(q1 - a.qmin))[static_cast<std::size_t>(q2 - b.qmin)];
        }
        different += code != expected ? 1 : 0;
      }
    }
    CHECK(different == 0);
    return by_product;
  }
};

quant::QuantGrid scaled(quant::QuantGrid grid, float scale, std::int32_t zero_point = 0) {
  grid.scale = {scale};
  grid.zero_point = {zero_point};
  return grid;
}

}  // namespace

TEST_CASE("integer forms: a product's codes, for every pair of codes") {
  const quant::QuantGrid first = scaled(quant::unsigned_grid(8), 0.0371f, 101),
                         second = scaled(quant::signed_narrow_grid(8), 0.0173f),
                         eight = scaled(quant::signed_full_grid(8), 0.083f),
                         three = scaled(quant::unsigned_grid(3), 0.9f, 2);
  for (const quant::QuantGrid& output : {eight, three, quant::binary_grid()})
    CHECK(Product{first, second, output, {}}.check() == 256 * 255);
  CHECK(Product{first, second, eight, {{{-1.3f}, {0.4f}, Activation::relu6}}}.check() > 0);
  CHECK(Product{quant::binary_grid(), three, eight, {}}.check() > 0);
  quant::QuantGrid offset = scaled(quant::unsigned_grid(4), 0.21f);
  offset.offset = -0.37f;
  CHECK(Product{offset, second, eight, {}}.check() == 0);
}

TEST_CASE("integer forms: a function's codes, for every code, are a table per channel") {
  const IntegerNetwork graph = testing::small_graph();
  const Operation& operation = graph.operations[1];
  const std::vector<OutputForms> forms = requantizers(graph, operation);
  const auto& plain = std::get<TableForms>(forms.at(0)).channels;
  const auto& stepped = std::get<TableForms>(forms.at(1)).channels;
  REQUIRE(plain.size() == 1);
  REQUIRE(stepped.size() == 2);
  for (std::size_t q = 0; q < 32; ++q) {
    const float x =
        static_cast<float>((static_cast<int>(q) - 3) * (static_cast<int>(q) - 3)) * 0.01f - 0.5f;
    CHECK(plain[0][q] == stored_code(x, *graph.values[1].grid) - 8);
    const float normed = std::clamp(x * -1.5f + 1.0f, 0.0f, 6.0f);
    CHECK(stepped[0][q] == stored_code(normed, *graph.values[2].grid));
  }
}
