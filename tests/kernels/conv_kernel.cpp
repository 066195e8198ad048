#include "kernels/conv_kernel.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "tests/kernels/problem.h"

namespace quench::kernels {
namespace {

/// A range of weights with its own code path in the kernels.
struct Range {
  int min_weight, max_weight;
  std::uint8_t input_max;
};

constexpr Range kRanges[]{
    {-128, 127, 255},  // 8 bits, at which pairs of products leave 16
    {-255, 255, 255},  // 8 bits with a zero point
    {-64, 63, 255},    // 8 bits of which no pair leaves 16
    {-8, 7, 255},      // 4-bit weights
    {-8, 7, 15},       // 4-bit weights and codes
    {-1, 1, 2},        // 1-bit
};

void check_equal_to_definition(const ConvProblem& problem) {
  std::uint64_t seed = 0;
  for (const Range& range : kRanges) {
    for (const Fill fill : {Fill::random, Fill::extreme, Fill::alternating}) {
      ConvProblem filled = problem;
      filled.input_max = range.input_max;
      filled.zero_code = static_cast<std::uint8_t>(range.input_max / (++seed % 3 + 1));
      const Operands operands =
          make_operands(std::move(filled), range.min_weight, range.max_weight, fill, seed);
      const std::vector<std::int64_t> expected = naive_sums(operands);
      for (const Isa isa : available_isas()) {
        const auto kernel = make_conv_kernel(operands.problem, isa);
        for (const std::int64_t strip : {1, 7, 1000}) {
          CAPTURE(kernel->name());
          CAPTURE(range.min_weight);
          CAPTURE(static_cast<int>(fill));
          CAPTURE(strip);
          CHECK(kernel_sums(*kernel, operands, strip) == expected);
        }
      }
    }
  }
}

ConvProblem shape(std::int64_t channels, std::int64_t out_channels, std::int64_t size, int kernel,
                  Conv2dParams params) {
  return {.channels = channels,
          .height = size,
          .width = size + 1,
          .out_channels = out_channels,
          .kernel = {kernel, kernel},
          .params = params};
}

constexpr Padding kAsymmetric{.top = 0, .left = 2, .bottom = 1, .right = 1};

}  // namespace

TEST_CASE("convolution of codes: 1x1, any number of channels") {
  for (const std::int64_t channels : {1, 3, 4, 5, 8, 17, 32, 64})
    check_equal_to_definition(shape(channels, channels + 1, 3, 1, {}));
  check_equal_to_definition(shape(8, 70, 5, 1, {.stride = {2, 2}}));
}

TEST_CASE("convolution of codes: 3x3, any number of channels") {
  for (const std::int64_t channels : {1, 3, 4, 5, 8, 17})
    check_equal_to_definition(shape(channels, 9, 4, 3, {.padding = {1, 1, 1, 1}}));
}

TEST_CASE("convolution of codes: stride, dilation, asymmetric padding, no padding") {
  check_equal_to_definition(shape(3, 16, 7, 3, {.stride = {2, 1}, .padding = kAsymmetric}));
  check_equal_to_definition(shape(5, 8, 7, 3, {.padding = kAsymmetric, .dilation = {2, 3}}));
  check_equal_to_definition(shape(4, 5, 6, 2, {.stride = {2, 2}}));
  check_equal_to_definition(shape(3, 5, 9, 5, {.stride = {2, 2}, .padding = {2, 2, 2, 2}}));
}

TEST_CASE("convolution of codes: a kernel of the image's size, like a linear layer") {
  ConvProblem problem = shape(5, 33, 3, 3, {});
  problem.kernel = {3, 4};
  check_equal_to_definition(problem);
}

TEST_CASE("convolution of codes: groups") {
  check_equal_to_definition(shape(8, 12, 4, 3, {.padding = {1, 1, 1, 1}, .groups = 2}));
  check_equal_to_definition(shape(12, 4, 4, 1, {.groups = 4}));
  check_equal_to_definition(shape(3, 6, 4, 3, {.padding = {1, 1, 1, 1}, .groups = 3}));
}

TEST_CASE("convolution of codes: depthwise") {
  for (const int channels : {1, 3, 8, 17, 32, 65}) {
    check_equal_to_definition(
        shape(channels, channels, 5, 3, {.padding = {1, 1, 1, 1}, .groups = channels}));
  }
  check_equal_to_definition(
      shape(40, 40, 6, 3, {.stride = {2, 2}, .padding = kAsymmetric, .groups = 40}));
  check_equal_to_definition(
      shape(33, 33, 7, 3, {.padding = kAsymmetric, .dilation = {2, 2}, .groups = 33}));
  check_equal_to_definition(shape(16, 16, 4, 2, {.groups = 16}));
  check_equal_to_definition(shape(24, 24, 6, 5, {.padding = {2, 2, 2, 2}, .groups = 24}));
}

TEST_CASE("make_conv_kernel: the error names the invalid field") {
  ConvProblem problem = shape(2, 1, 2, 1, {});
  problem.weight = {1};
  CHECK_THROWS_WITH_AS(make_conv_kernel(problem), "convolution of codes: expected 2 weights, got 1",
                       std::invalid_argument);
  problem.weight = {1, 256};
  CHECK_THROWS_WITH_AS(make_conv_kernel(problem),
                       "convolution of codes: expected weights in [-255, 255], got 256",
                       std::invalid_argument);
  problem.weight = {1, 2};
  problem.input_max = 15;
  problem.zero_code = 16;
  CHECK_THROWS_WITH_AS(make_conv_kernel(problem),
                       "convolution of codes: expected zero_code <= input_max, got 16 and 15",
                       std::invalid_argument);
  problem.params.groups = 3;
  CHECK_THROWS_WITH_AS(make_conv_kernel(problem),
                       "convolution of codes: expected channels divisible by groups, got 2 and 3",
                       std::invalid_argument);
}

}  // namespace quench::kernels
