#include <array>
#include <cstdint>
#include <vector>

#include "core/ops/shape_ops.h"
#include "kernels/conv_kernel.h"
#include "tests/kernels/problem.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::kernels;

constexpr std::uint8_t kZero = 1;  // the codes 0 and 2 are -1 and +1

/// @param x  [1, C, H, W] of -1 and +1  @param w  [O, C, KH, KW], likewise
Operands operands_of(const Tensor& x, const Tensor& w, const Conv2dParams& params) {
  Operands operands{.problem = {.channels = x.dim(1),
                                .height = x.dim(2),
                                .width = x.dim(3),
                                .out_channels = w.dim(0),
                                .kernel = {static_cast<int>(w.dim(2)), static_cast<int>(w.dim(3))},
                                .params = params,
                                .weight = {},
                                .input_max = kZero + 1,
                                .zero_code = kZero,
                                .binary_input = true},
                    .image = {}};
  // Channels are last in memory.
  for (const float value : x.span())
    operands.image.push_back(static_cast<std::uint8_t>(kZero + value));
  for (const float value : w.span())
    operands.problem.weight.push_back(static_cast<std::int16_t>(value));
  return operands;
}

/// The results of every instruction set, [O, OH, OW].
std::vector<std::vector<double>> sums_of(const Operands& operands) {
  std::vector<std::vector<double>> all;
  const auto outputs = static_cast<std::size_t>(operands.problem.out_channels);
  for (const Isa isa : available_isas()) {
    const std::vector<std::int64_t> sums =
        kernel_sums(*make_conv_kernel(operands.problem, isa), operands, 3);
    std::vector<double>& transposed = all.emplace_back();
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t i = o; i < sums.size(); i += outputs)
        transposed.push_back(static_cast<double>(sums[i]));
    }
  }
  return all;
}

void dot(const Case& c, Comparison& check) {
  const Tensor a = tensor(c.inputs.at("a")), b = tensor(c.inputs.at("b"));
  const std::int64_t products = a.numel();
  for (const auto& sums :
       sums_of(operands_of(a.reshape({1, products, 1, 1}), b.reshape({1, products, 1, 1}), {})))
    check.exact("dot", sums, c.expect.at("dot"));
}

void conv(const Case& c, Comparison& check) {
  const int pad = c.params.at("pad"), stride = c.params.at("stride");
  const float pad_value = c.params.at("pad_value");
  Tensor x = tensor(c.inputs.at("x"));
  x = Tensor::from_row_major({1, x.dim(0), x.dim(1), x.dim(2)}, x.to_row_major());
  Conv2dParams params{.stride = {stride, stride}};
  // Kernels pad with real 0; other padding must be part of the image.
  if (pad_value == 0.0f)
    params.padding = {pad, pad, pad, pad};
  else
    x = quench::pad(x, {pad, pad, pad, pad}, pad_value);
  for (const auto& sums : sums_of(operands_of(x, tensor(c.inputs.at("w")), params)))
    check.exact("y", sums, c.expect.at("y"));
}

constexpr std::array kOperations{Operation{"bin.dot", dot}, Operation{"bin.conv", conv}};

}  // namespace

std::span<const Operation> binary_operations() { return kOperations; }

}  // namespace quench::vectors
