#include "deploy/integer_only/requantizers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "deploy/composed_networks.h"
#include "deploy/freeze.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/network/arithmetic.h"
#include "deploy/small_network.h"
#include "deploy/trained_network.h"

using namespace quench;
using namespace quench::deploy;

namespace {

/// A naive implementation of one operation on one image, in integers.
struct Integers {
  const IntegerNetwork& network;
  const Operation& operation;
  const Values& values;

  const Value& input(std::size_t i = 0) const { return network.values[operation.inputs[i]]; }
  const Value& output() const { return network.values[operation.outputs[0].value]; }
  /// The byte at position `at` of the output; a per-map factor has one for all positions.
  std::uint8_t stored(std::size_t i, std::int64_t at) const {
    const std::int64_t own = input(i).height * input(i).width == 1 ? at % input(i).channels : at;
    return values[operation.inputs[i]].data<std::uint8_t>()[own];
  }
  std::int64_t number(std::size_t i, std::int64_t at) const {
    return centered(values[operation.inputs[i]].data<std::uint8_t>()[at], *input(i).grid);
  }

  /// The sum of a window at (y, x): of w (q - z), or of q - z without weights.
  std::int64_t sum(std::array<int, 2> kernel, const Conv2dParams& params, std::int64_t channel,
                   std::int64_t out_channels, std::int64_t y, std::int64_t x,
                   const std::int16_t* weights, std::int64_t* count) const {
    const std::int64_t depth = weights == nullptr ? 1 : input().channels / params.groups;
    const std::int64_t from = channel / (out_channels / params.groups) * depth;
    std::int64_t total = 0, tap = -1;
    for (int ky = 0; ky < kernel[0]; ++ky) {
      for (int kx = 0; kx < kernel[1]; ++kx) {
        ++tap;
        const std::int64_t iy = y * params.stride[0] - params.padding.top + ky * params.dilation[0];
        const std::int64_t ix =
            x * params.stride[1] - params.padding.left + kx * params.dilation[1];
        if (iy < 0 || ix < 0 || iy >= input().height || ix >= input().width) continue;
        ++*count;
        for (std::int64_t c = 0; c < depth; ++c) {
          const std::int64_t q = number(0, (iy * input().width + ix) * input().channels + from + c);
          total +=
              weights == nullptr ? q : q * weights[(channel * tap_count(kernel) + tap) * depth + c];
        }
      }
    }
    return total;
  }
  static std::int64_t tap_count(std::array<int, 2> kernel) {
    return std::int64_t{kernel[0]} * kernel[1];
  }

  std::int64_t of(const Convolution& conv, std::int64_t channel, std::int64_t y,
                  std::int64_t x) const {
    std::int64_t count = 0;
    const auto at = [&](std::int64_t sy, std::int64_t sx) {
      return sum(conv.kernel, conv.params, channel, conv.out_channels, sy, sx, conv.weight.data(),
                 &count);
    };
    if (!conv.pool) return at(y, x);
    const auto [height, width] = sums_size(input(), conv);
    std::int64_t largest = std::numeric_limits<std::int64_t>::min();
    for (int ky = 0; ky < conv.pool->kernel[0]; ++ky) {
      for (int kx = 0; kx < conv.pool->kernel[1]; ++kx) {
        const std::int64_t sy = y * conv.pool->stride[0] - conv.pool->padding.top + ky;
        const std::int64_t sx = x * conv.pool->stride[1] - conv.pool->padding.left + kx;
        if (sy >= 0 && sx >= 0 && sy < height && sx < width)
          largest = std::max(largest, at(sy, sx));
      }
    }
    return largest;
  }
};

template <typename T>
const T& channel_of(const std::vector<T>& channels, std::int64_t channel) {
  return channels[channels.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

std::int64_t code_of(const SumForms& forms, std::int64_t channel, std::int64_t sum) {
  return channel_of(forms.channels, channel)(sum);
}

std::int32_t code_of(const IntegerAddition& addition, const Integers& integers, std::int64_t at) {
  const std::uint8_t row = integers.stored(0, at), column = integers.stored(1, at);
  if (!addition.table.empty()) return addition.table[row][column];
  const std::int32_t a = centered(row, *integers.input(0).grid),
                     b = centered(column, *integers.input(1).grid);
  for (const auto& exception : addition.exceptions) {
    if (exception.a == a && exception.b == b) return exception.code;
  }
  return addition.line(a, b);
}

/// Codes of all outputs of an operation, from the interpreter's inputs by integers alone, against
/// the interpreter's. Returns how many were compared.
std::int64_t check_operation(const IntegerNetwork& network, const Operation& operation,
                             const Values& values) {
  const Integers integers{network, operation, values};
  const std::vector<OutputForms> forms = requantizers(network, operation);
  std::int64_t compared = 0, different = 0;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const ValueId id = operation.outputs[i].value;
    const Value& value = network.values[id];
    for (std::int64_t at = 0; at < value.numel(); ++at) {
      const std::int64_t channel = at % value.channels, place = at / value.channels;
      const std::int64_t y = place / value.width, x = place % value.width;
      std::int64_t code = 0;
      if (const auto* addition = std::get_if<AdditionForms>(&forms[i])) {
        code = code_of(channel_of(addition->channels, channel), integers, at);
      } else if (const auto* sums = std::get_if<std::vector<SumForms>>(&forms[i])) {
        if (const auto* conv = std::get_if<Convolution>(&operation.kind)) {
          code = code_of(sums->at(0), channel, integers.of(*conv, channel, y, x));
        } else if (std::holds_alternative<Multiplication>(operation.kind)) {
          const std::int64_t product =
              std::int64_t{centered(integers.stored(0, at), *integers.input(0).grid)} *
              centered(integers.stored(1, at), *integers.input(1).grid);
          code = code_of(sums->at(0), channel, product);
        } else {
          const Window2d& window = std::get<AveragePool>(operation.kind).window;
          std::int64_t count = 0;
          const Conv2dParams params{.stride = window.stride,
                                    .padding = window.padding,
                                    .groups = static_cast<int>(value.channels)};
          const std::int64_t sum =
              integers.sum(window.kernel, params, channel, value.channels, y, x, nullptr, &count);
          const auto of_count = std::ranges::find(*sums, count, &SumForms::count);
          REQUIRE(of_count != sums->end());
          code = code_of(*of_count, channel, sum);
        }
      } else if (const auto* tables = std::get_if<TableForms>(&forms[i])) {
        code = channel_of(tables->channels, channel)[integers.stored(0, at)];
      } else {
        continue;
      }
      ++compared;
      different += code != values[id].data<std::uint8_t>()[at] + value.grid->qmin ? 1 : 0;
    }
  }
  CHECK(different == 0);
  return compared;
}

void check_network_forms(const IntegerNetwork& network) {
  const Values values = interpret(
      network, testing::random_tensor({1, network.channels, network.height, network.width}, 4));
  std::int64_t compared = 0;
  for (const Operation& operation : network.operations) {
    CAPTURE(operation.name);
    compared += check_operation(network, operation, values);
  }
  CHECK(compared > 0);
}

}  // namespace

TEST_CASE("integer forms: the interpreter's codes, for every kind of operation and grid") {
  check_network_forms(testing::small_network());
  check_network_forms(testing::small_graph());
  check_network_forms(testing::small_branches());
}

TEST_CASE("integer forms: the interpreter's codes, for trained networks") {
  const std::pair<const char*, int> kMethods[] = {
      {"tqt", 8}, {"lsq", 8}, {"lsq", 4}, {"apot", 4}, {"ste", 1}};
  for (const auto& [method, bits] : kMethods) {
    CAPTURE(method);
    CAPTURE(bits);
    const testing::QuantizedCase c{.model = "resnet8", .method = method, .bits = bits};
    const auto network = testing::trained_network(c);
    check_network_forms(freeze(*network, {1, 3, c.image_size, c.image_size}));
  }
}

TEST_CASE("integer forms: the interpreter's codes, for composed networks") {
  for (const auto make :
       {testing::squeeze_excite_network, testing::dense_network, testing::mixed_network,
        testing::branching_network, testing::moving_network}) {
    for (const auto& [method, bits] : {std::pair{"tqt", 8}, {"lsq", 4}, {"ste", 1}}) {
      CAPTURE(method);
      const auto network = make();
      testing::train_quantizers(
          *network, {.image_size = testing::kComposedSide, .method = method, .bits = bits});
      check_network_forms(freeze(*network, {1, 3, testing::kComposedSide, testing::kComposedSide}));
    }
  }
}

TEST_CASE("integer forms: real outputs in fixed point, within the stated error") {
  const IntegerNetwork network = testing::small_network();
  const Operation& last = network.operations.back();
  const Values values = interpret(network, testing::random_tensor({1, 3, 6, 6}, 4));
  const auto forms = requantizers(network, last);
  const auto& scores = std::get<Scores>(forms.at(0));
  const Integers integers{network, last, values};
  CHECK(scores.largest_error < 1e-6);
  for (std::size_t c = 0; c < 5; ++c) {
    const std::int64_t sum =
        integers.of(std::get<Convolution>(last.kind), static_cast<std::int64_t>(c), 0, 0);
    const double score = std::ldexp(
        static_cast<double>(scores.multiplier[c] * sum + scores.offset[c]), -scores.shift);
    CHECK(score == doctest::Approx(values[network.output].data()[c]).epsilon(1e-6));
  }
}

TEST_CASE("integer forms: averages have one per window size") {
  IntegerNetwork network = testing::small_network();
  auto& mean = network.operations[6];
  std::get<AveragePool>(mean.kind).window = {{3, 3}, {1, 1}, {1, 1, 1, 1}};
  network.values[7].height = network.values[7].width = 3;
  const auto forms = requantizers(network, mean);
  std::vector<std::int64_t> counts;
  for (const SumForms& of_count : std::get<std::vector<SumForms>>(forms.at(0)))
    counts.push_back(of_count.count);
  CHECK(counts == std::vector<std::int64_t>{4, 6, 9});
}

TEST_CASE("integer forms: the error names an operation without one") {
  IntegerNetwork network = testing::small_network();
  auto& affine = network.operations.back();
  std::get<Convolution>(affine.kind).params.padding = {1, 1, 1, 1};
  CHECK_THROWS_WITH_AS(requantizers(network, affine),
                       "affine: pads an input whose grid has an offset, 0.375 (LSQ+): its "
                       "contribution depends on the position and has no integer form",
                       std::invalid_argument);
  network.operations[0].kind = Quantize{std::vector<float>(108)};
  CHECK_THROWS_WITH_AS(requantizers(network, network.operations[0]),
                       doctest::Contains("images: adds an image to the pixels"),
                       std::invalid_argument);
  network.values[5].grid.reset();
  CHECK_THROWS_WITH_AS(requantizers(network, network.operations[4]),
                       "add: the real output of a network without floats must come from a "
                       "convolution, got addition",
                       std::invalid_argument);
}
