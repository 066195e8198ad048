#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "deploy/integer_only/fixed_point_map.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/network/arithmetic.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::deploy;
using quant::QuantGrid;

std::vector<std::int32_t> integers(const Json& value) {
  std::vector<std::int32_t> result;
  for (const double number : numbers(value)) result.push_back(static_cast<std::int32_t>(number));
  return result;
}

std::vector<double> each(const std::vector<std::int32_t>& inputs,
                         const std::function<double(std::int32_t)>& function) {
  std::vector<double> results;
  for (const std::int32_t x : inputs) results.push_back(function(x));
  return results;
}

constexpr std::array<std::pair<const char*, Rounding>, 4> kRoundings{
    {{"half_even", Rounding::half_even},
     {"half_away", Rounding::half_away},
     {"half_up", Rounding::half_up},
     {"floor", Rounding::floor}}};

void multiplier(const Case& c, Comparison& check) {
  std::vector<double> mantissas, exponents;
  for (const double m : numbers(c.params.at("m"))) {
    const Multiplier result = quantize_multiplier(m);
    mantissas.push_back(result.mantissa);
    exponents.push_back(result.exponent);
  }
  check.exact("q", mantissas, c.expect.at("q"));
  check.exact("exponent", exponents, c.expect.at("exponent"));
}

/// Rounds a real factor to the nearest integer, ties up.
FixedPointMap map_of(double m, std::int32_t low, std::int32_t high, std::int32_t zero_point = 0) {
  const Multiplier multiplier = quantize_multiplier(m);
  const int shift = 31 - multiplier.exponent;
  return {.multiplier = multiplier.mantissa,
          .offset = std::int64_t{zero_point} * (std::int64_t{1} << shift),
          .shift = shift,
          .rounding = Rounding::half_up,
          .low = low,
          .high = high};
}

void fixed_point(const Case& c, Comparison& check) {
  const FixedPointMap map = map_of(c.params.at("m"), std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max());
  check.exact("single_rounding", each(integers(c.inputs.at("acc")), map),
              c.expect.at("single_rounding"));
}

void shift(const Case& c, Comparison& check) {
  const int k = c.params.at("k");
  for (const auto& [name, rounding] : kRoundings) {
    const auto shifted = [&](std::int32_t sum) {
      return static_cast<double>(shift_right(sum, k, rounding));
    };
    check.exact(name, each(integers(c.inputs.at("acc")), shifted), c.expect.at(name));
  }
}

QuantGrid output_grid(const Json& params, const char* scale, const char* zero_point) {
  return {.bits = 8,
          .qmin = params.at("qmin"),
          .qmax = params.at("qmax"),
          .scale = {params.at(scale)},
          .zero_point = {params.at(zero_point)}};
}

std::int32_t code_of(float x, const QuantGrid& grid) { return stored_code(x, grid) + grid.qmin; }

void float_requant(const Case& c, Comparison& check) {
  const QuantGrid grid = output_grid(c.params, "s_o", "zero_point");
  const std::vector<std::int32_t> sums = integers(c.inputs.at("acc"));
  const float scale = c.params.at("s_a").get<float>() * c.params.at("s_w").get<float>();
  check.exact(
      "y",
      each(sums, [&](std::int32_t sum) { return code_of(static_cast<float>(sum) * scale, grid); }),
      c.expect.at("y"));
  const FixedPointMap map = map_of(c.expect.at("m"), grid.qmin, grid.qmax, grid.zero_point[0]);
  check.exact("y_fixed", each(sums, map), c.expect.at("y_fixed"));
}

/// As a layer of the interpreter, whose sums are output as real values if all scales are 1.
void zero_point_dot(const Case& c, Comparison& check) {
  const Tensor a = tensor(c.inputs.at("a")), w = tensor(c.inputs.at("w"));
  QuantGrid grid = quant::unsigned_grid(8);
  grid.zero_point = {c.params.at("z_a")};
  IntegerNetwork network{.channels = a.dim(1), .height = 1, .width = 1};
  network.values = {{a.dim(1), 1, 1, grid, {"dot.input"}}, {w.dim(0), 1, 1, std::nullopt, {}}};
  Convolution dot{.out_channels = w.dim(0), .weight_grid = quant::signed_full_grid(8)};
  dot.weight_grid.zero_point = {c.params.at("z_w")};
  for (const std::int32_t q : integers(c.inputs.at("w")))
    dot.weight.push_back(static_cast<std::int16_t>(q - dot.weight_grid.zero_point[0]));
  network.operations = {{"images", Quantize{}, {}, {{{}, 0}}}, {"dot", dot, {0}, {{{}, 1}}}};
  network.output = 1;

  Tensor images(Shape{a.dim(0), a.dim(1), 1, 1});
  for (std::int64_t i = 0; i < a.numel(); ++i)
    images.data()[i] = a.data()[i] - static_cast<float>(grid.zero_point[0]);
  check.exact("acc", logits_of(network, interpret(network, images)), c.expect.at("acc"));
}

void add(const Case& c, Comparison& check) {
  const QuantGrid grid = output_grid(c.params, "so", "zo");
  const std::vector<std::int32_t> q1 = integers(c.inputs.at("q1")),
                                  q2 = integers(c.inputs.at("q2"));
  const std::int32_t z1 = c.params.at("z1"), z2 = c.params.at("z2");
  const float s1 = c.params.at("s1"), s2 = c.params.at("s2");
  std::vector<double> codes;
  for (std::size_t i = 0; i < q1.size(); ++i) {
    const std::int32_t a = q1[i] - z1, b = q2[i] - z2;
    codes.push_back(code_of(s1 * static_cast<float>(a) + s2 * static_cast<float>(b), grid));
  }
  check.exact("y_float", codes, c.expect.at("y_float"));
}

std::vector<std::int32_t> row_sums(const Json& matrix) {
  const Tensor x = tensor(matrix);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(x.dim(0)));
  for (std::int64_t i = 0; i < x.numel(); ++i)
    sums[static_cast<std::size_t>(i / x.dim(1))] += static_cast<std::int32_t>(x.data()[i]);
  return sums;
}

void average_pool(const Case& c, Comparison& check) {
  const std::int64_t count = c.params.at("count");
  for (const auto& [name, rounding] : kRoundings) {
    if (!c.expect.contains(name)) continue;
    const auto mean = [&](std::int32_t sum) {
      return static_cast<double>(divide(sum, count, rounding));
    };
    check.exact(name, each(row_sums(c.inputs.at("x")), mean), c.expect.at(name));
  }
}

void relu6_clamp(const Case& c, Comparison& check) {
  const int bits = c.params.at("bits");
  QuantGrid grid =
      c.params.at("signed") ? quant::signed_full_grid(bits) : quant::unsigned_grid(bits);
  grid.scale = {c.params.at("scale")};
  grid.zero_point = {c.params.at("zero_point")};
  const auto ends = [&](Activation activation, const char* low, const char* high) {
    const Affine step{.scale = {}, .shift = {}, .activation = activation};
    check.exact(low, {1.0 * code_of(apply(step, 0, -1e9f), grid)}, c.expect.at(low));
    check.exact(high, {1.0 * code_of(apply(step, 0, 1e9f), grid)}, c.expect.at(high));
  };
  ends(Activation::relu, "relu_lo", "relu_hi");
  ends(Activation::relu6, "relu6_lo", "relu6_hi");
}

/// To `to` fraction bits, and into `bits` bits.
std::int64_t rescale(std::int64_t value, int from, int to, int bits, bool with_sign) {
  const QuantGrid grid = with_sign ? quant::signed_full_grid(8) : quant::unsigned_grid(8);
  const std::int64_t wider = std::int64_t{1} << (bits - 8);
  return std::clamp(shift_right(value, from - to, Rounding::half_even), wider * grid.qmin,
                    wider * (grid.qmax + 1) - 1);
}

/// Sums, biases and codes on the way through a layer whose scales are powers of two, in 16 bits.
void tqt_layer(const Case& c, Comparison& check) {
  const Tensor x = tensor(c.inputs.at("x")), w = tensor(c.inputs.at("w"));
  const std::vector<std::int32_t> b = integers(c.inputs.at("b"));
  const int sum_bits = c.params.at("frac_x").get<int>() + c.params.at("frac_w").get<int>();
  const int accumulator_bits = c.params.at("frac_acc");
  const bool with_sign = !c.params.at("out_unsigned").get<bool>();
  std::vector<double> sums, accumulators, biased, codes;
  for (std::int64_t n = 0; n < x.dim(0); ++n) {
    for (std::int64_t o = 0; o < w.dim(0); ++o) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < x.dim(1); ++k)
        sum += static_cast<std::int64_t>(x.data()[n * x.dim(1) + k]) *
               static_cast<std::int64_t>(w.data()[o * x.dim(1) + k]);
      const std::int64_t accumulator = rescale(sum, sum_bits, accumulator_bits, 16, true);
      const std::int64_t with_bias =
          rescale(accumulator + b[static_cast<std::size_t>(o)], 0, 0, 16, true);
      sums.push_back(static_cast<double>(sum));
      accumulators.push_back(static_cast<double>(accumulator));
      biased.push_back(static_cast<double>(with_bias));
      codes.push_back(static_cast<double>(
          rescale(with_bias, accumulator_bits, c.params.at("frac_out"), 8, with_sign)));
    }
  }
  check.exact("acc", sums, c.expect.at("acc"));
  check.exact("acc16", accumulators, c.expect.at("acc16"));
  check.exact("sum16", biased, c.expect.at("sum16"));
  check.exact("out8", codes, c.expect.at("out8"));
}

void tqt_average_pool(const Case& c, Comparison& check) {
  const std::int32_t reciprocal = c.params.at("recip_q");
  const int bits = c.params.at("recip_frac").get<int>() + c.params.at("frac_in").get<int>() -
                   c.params.at("frac_out").get<int>();
  const std::vector<std::int32_t> sums = row_sums(c.inputs.at("x"));
  const auto mean = [&](Rounding rounding) {
    return each(sums, [&](std::int32_t sum) {
      return static_cast<double>(shift_right(std::int64_t{sum} * reciprocal, bits, rounding));
    });
  };
  check.exact("out_floor", mean(Rounding::floor), c.expect.at("out_floor"));
  check.exact("out_half_even", mean(Rounding::half_even), c.expect.at("out_half_even"));
}

constexpr std::array kOperations{Operation{"requant.quantize_multiplier", multiplier},
                                 Operation{"requant.fixed_point", fixed_point},
                                 Operation{"requant.shift", shift},
                                 Operation{"requant.float", float_requant},
                                 Operation{"requant.zp_dot", zero_point_dot},
                                 Operation{"requant.add", add},
                                 Operation{"requant.avgpool", average_pool},
                                 Operation{"requant.relu6_clamp", relu6_clamp},
                                 Operation{"requant.tqt_layer", tqt_layer},
                                 Operation{"requant.tqt_avgpool", tqt_average_pool}};

}  // namespace

std::span<const Operation> requant_operations() { return kOperations; }

}  // namespace quench::vectors
