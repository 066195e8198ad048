#include <doctest/doctest.h>

#include <array>
#include <utility>

#include "core/random.h"
#include "kernels/conv_variants.h"
#include "tests/kernels/problem.h"

namespace quench::kernels {
namespace {

enum class Signs : std::uint8_t {
  random,
  alternating,  ///< in the image; weights alternate in pairs
  equal,        ///< every product +1
  opposite,     ///< every product -1
};

constexpr std::array kSigns{Signs::random, Signs::alternating, Signs::equal, Signs::opposite};

/// Whether sign number `i` is -1.
bool negative(Signs signs, std::size_t i, bool is_weight, Random& random) {
  switch (signs) {
    case Signs::random:
      return random.below(2) == 0;
    case Signs::alternating:
      return (is_weight ? i / 2 : i) % 2 == 0;
    case Signs::equal:
      return true;
    case Signs::opposite:
      return is_weight;
  }
  return false;
}

Operands make_signs(ConvProblem problem, Signs signs, std::uint8_t zero_code, std::uint64_t seed) {
  problem.binary_input = true;
  problem.zero_code = zero_code;
  problem.input_max = static_cast<std::uint8_t>(zero_code + 1);
  Operands operands = make_operands(std::move(problem), -1, 1, Fill::random, seed);
  Random random(seed, "signs");
  for (std::size_t i = 0; i < operands.problem.weight.size(); ++i)
    operands.problem.weight[i] = negative(signs, i, true, random) ? -1 : 1;
  for (std::size_t i = 0; i < operands.image.size(); ++i)
    operands.image[i] = static_cast<std::uint8_t>(
        negative(signs, i, false, random) ? zero_code - 1 : zero_code + 1);
  return operands;
}

/// A kernel of every instruction set, over strips of several lengths.
void check_equal_to_definition(const ConvProblem& problem) {
  std::uint64_t seed = 0;
  for (const Signs signs : kSigns) {
    const std::uint8_t zero_code = ++seed % 2 == 0 ? 1 : 200;
    const Operands operands = make_signs(problem, signs, zero_code, seed);
    REQUIRE(is_binary(operands.problem));
    const std::vector<std::int64_t> expected = naive_sums(operands);
    for (const Isa isa : available_isas()) {
      const auto kernel = make_conv_kernel(operands.problem, isa);
      for (const std::int64_t strip : {1, 7, 1000}) {
        CAPTURE(kernel->name());
        CAPTURE(static_cast<int>(signs));
        CAPTURE(strip);
        CHECK(kernel_sums(*kernel, operands, strip) == expected);
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

constexpr Padding kSame{.top = 1, .left = 1, .bottom = 1, .right = 1};
constexpr Padding kAsymmetric{.top = 0, .left = 2, .bottom = 1, .right = 1};

}  // namespace

TEST_CASE("1-bit convolution: any number of channels") {
  for (const std::int64_t channels : {1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200}) {
    CAPTURE(channels);
    check_equal_to_definition(shape(channels, 5, 3, 1, {}));
    check_equal_to_definition(shape(channels, 5, 3, 3, {.padding = kSame}));
  }
}

TEST_CASE("1-bit convolution: any number of output channels") {
  for (const std::int64_t outputs : {1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97}) {
    CAPTURE(outputs);
    // Few and many channels go to other kernels.
    for (const std::int64_t channels : {6, 70})
      check_equal_to_definition(shape(channels, outputs, 3, 2, {.padding = kSame}));
  }
}

TEST_CASE("1-bit convolution: more pixels than one block, odd rows") {
  check_equal_to_definition(shape(33, 3, 13, 3, {.padding = kSame}));
  check_equal_to_definition(shape(70, 3, 10, 1, {}));
}

TEST_CASE("1-bit convolution: stride, dilation, kernels, asymmetric padding") {
  check_equal_to_definition(shape(65, 16, 7, 3, {.stride = {2, 1}, .padding = kAsymmetric}));
  check_equal_to_definition(shape(64, 9, 7, 3, {.stride = {2, 2}, .padding = kAsymmetric}));
  check_equal_to_definition(shape(3, 8, 7, 3, {.padding = kAsymmetric, .dilation = {2, 3}}));
  check_equal_to_definition(shape(130, 4, 7, 3, {.stride = {3, 2}, .dilation = {1, 2}}));
  check_equal_to_definition(shape(31, 5, 9, 5, {.stride = {2, 2}, .padding = {2, 2, 2, 2}}));
  check_equal_to_definition(shape(40, 5, 2, 5, {.padding = {2, 2, 2, 2}}));
  // Padding alone under some outputs, an image between two taps, and an image's end that no output
  // reads.
  for (const std::int64_t channels : {9, 70}) {
    check_equal_to_definition(shape(channels, 5, 2, 1, {.padding = {3, 3, 3, 3}}));
    check_equal_to_definition(
        shape(channels, 5, 1, 2, {.padding = {2, 2, 2, 2}, .dilation = {4, 4}}));
    check_equal_to_definition(shape(channels, 5, 6, 1, {.stride = {4, 4}}));
  }
}

TEST_CASE("1-bit convolution: a kernel of the image's size, like a linear layer") {
  ConvProblem problem = shape(65, 33, 3, 3, {});
  problem.kernel = {3, 4};
  check_equal_to_definition(problem);
  check_equal_to_definition({.channels = 2000, .height = 1, .width = 1, .out_channels = 10});
}

TEST_CASE("1-bit convolution: sums beyond 16 bits") {
  for (const Signs signs : {Signs::equal, Signs::opposite, Signs::random}) {
    const ConvProblem problem{.channels = 70000, .height = 1, .width = 1, .out_channels = 2};
    const Operands operands = make_signs(problem, signs, 1, 9);
    for (const Isa isa : available_isas())
      CHECK(kernel_sums(*make_conv_kernel(operands.problem, isa), operands, 1) ==
            naive_sums(operands));
  }
}

TEST_CASE("is_binary: one group, only weights -1 and +1, only two codes") {
  ConvProblem problem = make_signs(shape(2, 2, 1, 1, {}), Signs::random, 1, 1).problem;
  CHECK(is_binary(problem));
  ConvProblem other = problem;
  other.weight[1] = 0;
  CHECK_FALSE(is_binary(other));
  other = problem;
  other.binary_input = false;
  CHECK_FALSE(is_binary(other));
  other = problem;
  other.params.groups = 2;
  CHECK_FALSE(is_binary(other));
}

}  // namespace quench::kernels
