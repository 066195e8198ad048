#include "kernels/batch_conv.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tests/kernels/problem.h"

namespace quench::kernels {
namespace {

struct Range {
  int min_weight, max_weight;
  std::uint8_t input_max, zero_code;
  bool binary;
};

// Every way of packing quickly, on every instruction set.
constexpr Range kRanges[]{
    {-128, 127, 255, 0, false}, {-255, 255, 255, 77, false}, {-64, 63, 255, 0, false},
    {-8, 7, 255, 128, false},   {-7, 7, 15, 7, false},       {-1, 1, 254, 127, false},
    {-1, 1, 2, 1, true},        {0, 0, 255, 3, false},
};

std::vector<ConvProblem> problems() {
  const auto conv = [](std::int64_t channels, std::int64_t out, std::int64_t size, int kernel,
                       Conv2dParams params) {
    return ConvProblem{.channels = channels,
                       .height = size,
                       .width = size + 1,
                       .out_channels = out,
                       .kernel = {kernel, kernel},
                       .params = params};
  };
  return {conv(3, 20, 7, 3, {.padding = {1, 1, 1, 1}}),  // odd numbers of everything
          conv(64, 70, 5, 3, {.padding = {1, 1, 1, 1}}),
          conv(70, 33, 6, 3, {.stride = {2, 2}, .padding = {0, 0, 1, 1}}),
          conv(24, 24, 6, 3, {.padding = {1, 1, 1, 1}, .groups = 24}),
          conv(8, 12, 5, 3, {.padding = {1, 0, 0, 1}, .dilation = {2, 1}, .groups = 4}),
          conv(40, 9, 4, 1, {}),                  // the batch is one image
          conv(40, 9, 4, 1, {.stride = {2, 2}}),  // it is not
          {.channels = 150, .height = 1, .width = 1, .out_channels = 65}};
}

TEST_CASE("batch convolution: sums of every image by their definition, times scale, plus bias") {
  constexpr std::int64_t kBatch = 5;
  std::uint64_t seed = 0;
  for (const ConvProblem& shape : problems()) {
    for (const Range& range : kRanges) {
      ConvProblem problem = shape;
      problem.input_max = range.input_max;
      problem.zero_code = range.zero_code;
      problem.binary_input = range.binary;
      CAPTURE(range.min_weight);
      CAPTURE(problem.channels);
      Operands operands = make_operands(std::move(problem), range.min_weight, range.max_weight,
                                        Fill::random, ++seed);
      if (range.binary) {
        for (std::int16_t& weight : operands.problem.weight) weight = weight < 0 ? -1 : 1;
        for (std::uint8_t& code : operands.image) code = code == 0 ? 0 : 2;
      }
      const ConvProblem& p = operands.problem;
      const Shape input = p.height * p.width == 1 ? Shape{kBatch, p.channels}
                                                  : Shape{kBatch, p.channels, p.height, p.width};
      Tensor bytes(input, DType::u8);
      std::vector<float> expected;
      std::vector<float> scale, bias;
      for (std::int64_t o = 0; o < p.out_channels; ++o) {
        scale.push_back(0.01f * static_cast<float>(o + 1));
        bias.push_back(static_cast<float>(o) - 3.3f);
      }
      const auto size = static_cast<std::int64_t>(operands.image.size());
      for (std::int64_t n = 0; n < kBatch; ++n) {
        std::ranges::rotate(operands.image, operands.image.begin() + (n > 0 ? p.channels / 2 : 0));
        std::ranges::copy(operands.image, bytes.data<std::uint8_t>() + n * size);
        const std::vector<std::int64_t> sums = naive_sums(operands);
        for (std::size_t i = 0; i < sums.size(); ++i) {
          const std::size_t o = i % scale.size();
          const float product = static_cast<float>(sums[i]) * scale[o];
          expected.push_back(product + bias[o]);
        }
      }
      const BatchConv conv(p, kBatch);
      const Tensor output = conv(bytes, scale, bias);
      CAPTURE(conv.name());
      CHECK(std::ranges::equal(output.span(), expected));  // both in memory order
    }
  }
}

TEST_CASE(
    "batch convolution: quick packing gives the sums of their definition with every instruction "
    "set") {
  std::uint64_t seed = 100;
  for (const ConvProblem& shape : problems()) {
    for (const Range& range : kRanges) {
      for (const Fill fill : {Fill::extreme, Fill::alternating}) {
        ConvProblem problem = shape;
        problem.input_max = range.input_max;
        problem.zero_code = range.zero_code;
        const Operands operands =
            make_operands(std::move(problem), range.min_weight, range.max_weight, fill, ++seed);
        for (const Isa isa : available_isas()) {
          const auto kernel = make_conv_kernel(operands.problem, isa, Packing::quick);
          CAPTURE(kernel->name());
          CHECK(kernel_sums(*kernel, operands, 7) == naive_sums(operands));
        }
      }
    }
  }
}

TEST_CASE("batch convolution: pays if sums fit 32 bits and the batch has many pixels") {
  const ConvProblem problem{.channels = 16, .height = 8, .width = 8, .out_channels = 4};
  const bool has_kernels = best_isa() != Isa::scalar;
  CHECK(BatchConv::pays(problem, 4, 100) == has_kernels);
  CHECK_FALSE(BatchConv::pays(problem, 3, 100));               // 192 pixels
  CHECK(BatchConv::pays(problem, 4, 8421504) == has_kernels);  // * 255 = 2^31 - 128
  CHECK_FALSE(BatchConv::pays(problem, 4, 8421505));
}

TEST_CASE("batch convolution: refuses another batch than its own") {
  ConvProblem problem{.channels = 2, .height = 3, .width = 3, .out_channels = 1};
  problem.weight = {1, 2};
  const BatchConv conv(problem, 2);
  const float scale = 1.0f;
  CHECK_THROWS_WITH_AS(conv(Tensor({3, 2, 3, 3}, DType::u8), {&scale, 1}, {}),
                       "convolution of codes: expected 2 images of 2 channels and 18 codes, got "
                       "[3, 2, 3, 3]",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::kernels
