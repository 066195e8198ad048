#include "kernels/saturation.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/kernels/problem.h"

namespace quench::kernels {
namespace {

ConvProblem pointwise(std::vector<std::int16_t> weight, std::uint8_t input_max = 255) {
  const auto channels = static_cast<std::int64_t>(weight.size());
  return {.channels = channels,
          .height = 1,
          .width = 1,
          .out_channels = 1,
          .weight = std::move(weight),
          .input_max = input_max};
}

std::int64_t saturated_sum(ConvProblem problem, std::vector<std::uint8_t> image) {
  const auto kernel = make_saturating_conv(problem);
  return kernel_sums(*kernel, {std::move(problem), std::move(image)}, 1).front();
}

}  // namespace

TEST_CASE("saturating convolution: the result of oneDNN 2.6 on a CPU without VNNI") {
  // Measured: 32 channels of 255 * 127 are 524272 = 16 * 32767 there, instead of 1036320.
  const ConvProblem problem = pointwise(std::vector<std::int16_t>(32, 127));
  const std::vector<std::uint8_t> image(32, 255);
  CHECK(saturated_sum(problem, image) == 524272);
  CHECK(naive_sums({problem, image}).front() == 1036320);
  CHECK(kernel_sums(*make_conv_kernel(problem), {problem, image}, 1).front() == 1036320);
}

TEST_CASE(
    "saturating convolution: pairs saturate at both ends; single and opposite products do not") {
  CHECK(saturated_sum(pointwise({-128, -128}), {255, 255}) == -32768);
  CHECK(saturated_sum(pointwise({127, -128}), {255, 255}) == -255);
  CHECK(saturated_sum(pointwise({127, 127, 127}), {255, 255, 255}) == 32767 + 255 * 127);
  CHECK(saturated_sum(pointwise({100, 28}), {255, 255}) == 255 * 128);  // 32640 fits
  CHECK(saturated_sum(pointwise({100, 29}), {255, 255}) == 32767);      // 32895 does not
}

TEST_CASE("saturating convolution: the correction for zero_code does not saturate") {
  ConvProblem problem = pointwise({127, 127});
  problem.zero_code = 128;
  CHECK(saturated_sum(problem, {255, 255}) == 32767 - 2 * 127 * 128);
}

TEST_CASE("saturating convolution: padding holds zero_code, which saturates too") {
  ConvProblem problem = pointwise({127, 127});
  problem.zero_code = 200;
  problem.params.padding = {.top = 1, .left = 0, .bottom = 0, .right = 0};
  const auto kernel = make_saturating_conv(problem);
  CHECK(kernel_sums(*kernel, {problem, {255, 255}}, 1) ==
        std::vector<std::int64_t>{32767 - 2 * 127 * 200, 32767 - 2 * 127 * 200});
}

TEST_CASE("pair_saturation: counts the pairs that can exceed 16 bits, and reports the worst sums") {
  const PairSaturation some = pair_saturation(pointwise({100, 29, -100, 29, -64, -65, 127}));
  CHECK(some.pairs == 4);
  CHECK(some.saturating == 2);  // 129 * 255 = 32895 and -129 * 255
  CHECK(some.largest_sum == 32895);
  CHECK(some.smallest_sum == -32895);
  CHECK_FALSE(some.exact());
  CHECK(pair_saturation(pointwise({64, 64, -64, -64})).exact());
  CHECK(pair_saturation(pointwise({127, 127, -128, -128}, 127)).exact());
  CHECK_FALSE(pair_saturation(pointwise({127, 127, -128, -128}, 129)).exact());
}

TEST_CASE("pair_saturation: a depthwise convolution has no pairs of channels") {
  ConvProblem problem = pointwise({127, 127});
  problem.out_channels = 2;
  problem.params.groups = 2;
  CHECK(pair_saturation(problem).exact());
}

TEST_CASE("saturating convolution: gives the sums where no pair can saturate") {
  for (const int groups : {1, 2}) {
    const ConvProblem shape{.channels = 6,
                            .height = 4,
                            .width = 5,
                            .out_channels = 4,
                            .kernel = {3, 2},
                            .params = {.stride = {1, 2},
                                       .padding = {.top = 1, .left = 1, .bottom = 0, .right = 1},
                                       .groups = groups},
                            .zero_code = 7};
    const Operands operands = make_operands(shape, -64, 64, Fill::random, 3);
    REQUIRE(pair_saturation(operands.problem).exact());
    CHECK(kernel_sums(*make_saturating_conv(operands.problem), operands, 3) ==
          naive_sums(operands));
  }
}

}  // namespace quench::kernels
