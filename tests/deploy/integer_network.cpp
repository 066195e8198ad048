#include "deploy/network/integer_network.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "deploy/small_network.h"

using namespace quench;
using namespace quench::deploy;
using quant::QuantGrid;

namespace {

constexpr int kHuge = std::numeric_limits<int>::max();

/// The error of check_network() after `change` is made to a network.
std::string error_of(const std::function<void(IntegerNetwork&)>& change,
                     IntegerNetwork network = testing::small_network()) {
  change(network);
  try {
    check_network(network);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

Convolution& conv(IntegerNetwork& network, std::size_t operation) {
  return std::get<Convolution>(network.operations[operation].kind);
}

void check_refused(const char* part, const std::function<void(IntegerNetwork&)>& change,
                   const IntegerNetwork& network = testing::small_network()) {
  CAPTURE(std::string(part));
  const std::string error = error_of(change, network);
  CAPTURE(error);
  CHECK(error.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("integer_network: a network of every operation is accepted") {
  CHECK(error_of([](IntegerNetwork&) {}) == "no error");
  CHECK(error_of([](IntegerNetwork&) {}, testing::small_graph()) == "no error");
}

TEST_CASE("integer_network: output_size follows from an operation's inputs") {
  const IntegerNetwork network = testing::small_network();
  std::vector<std::array<std::int64_t, 3>> sizes;
  for (const Operation& operation : network.operations)
    sizes.push_back(output_size(network, operation));
  CHECK(sizes == std::vector<std::array<std::int64_t, 3>>{{3, 6, 6},
                                                          {4, 3, 3},
                                                          {4, 3, 3},
                                                          {4, 3, 3},
                                                          {4, 3, 3},
                                                          {7, 3, 3},
                                                          {7, 1, 1},
                                                          {2, 1, 1},
                                                          {5, 1, 1}});
}

TEST_CASE("integer_network: the code of 0 counts from qmin") {
  const IntegerNetwork network = testing::small_network();
  CHECK(network.values[0].zero_code() == 7);
  CHECK(network.values[2].zero_code() == 1);    // of -1, 0, +1
  CHECK(network.values[3].zero_code() == 128);  // of -128..127
  CHECK_THROWS_AS(static_cast<void>(network.values[9].zero_code()), std::logic_error);
}

TEST_CASE("integer_network: names of operations") {
  CHECK(to_string(Operation::Kind(ZeroPad{})) == "zero_pad");
  CHECK(to_string(Operation::Kind(Quantize{})) == "quantize");
  CHECK(to_string(Operation::Kind(Concatenation{})) == "concatenation");
  CHECK(moves_codes(MaxPool{}));
  CHECK(to_string(Operation::Kind(Upsampling{})) == "upsampling");
  CHECK(moves_codes(Concatenation{}));
  CHECK(moves_codes(Extremum{}));
  CHECK(moves_codes(ChannelSelection{}));
  CHECK(to_string(Operation::Kind(Rearrangement{})) == "rearrangement");
  CHECK(moves_codes(Rearrangement{}));
  CHECK(moves_codes(PixelSelection{}));
  CHECK_FALSE(moves_codes(Addition{}));
  CHECK_FALSE(moves_codes(AveragePool{}));
}

TEST_CASE("integer_network: the error names the operation") {
  CHECK(
      error_of([](IntegerNetwork& n) {
        conv(n, 2).params.stride = {0, 1};
      }) ==
      "integer network: operation 2 'binary': expected kernel, stride and dilation in 1..1048576, "
      "and padding in 0..1048576, got kernel 3x3, stride 0x1, dilation 1x1, padding 1, 1, 1, 1");
  CHECK(error_of([](IntegerNetwork& n) { n.values[4].height = 0; }) ==
        "integer network: value 4: expected sizes of at least 1, got 4x0x3");
}

TEST_CASE("integer_network: values are written once, before they are read") {
  check_refused("reads value 1 before", [](auto& n) {
    n.operations[2].inputs = {1}, n.operations[1].outputs.erase(n.operations[1].outputs.begin());
  });
  check_refused("writes value 1 again", [](auto& n) { n.operations[1].outputs[1].value = 1; });
  check_refused("no operation writes value 2", [](auto& n) {
    n.operations[1].outputs.pop_back();
    n.operations[2].inputs = {1};
  });
  check_refused("input below 10, got 10", [](auto& n) { n.operations[2].inputs = {10}; });
  check_refused("output below 10, got 10", [](auto& n) { n.operations[2].outputs[0].value = 10; });
  check_refused("expected at least one output", [](auto& n) { n.operations[8].outputs.clear(); });
  check_refused("expected 2 inputs, got 1", [](auto& n) { n.operations[4].inputs.pop_back(); });
  check_refused("expected 0 inputs, got 1", [](auto& n) { n.operations[0].inputs = {0}; });
  check_refused("output below 0", [](auto& n) { n = IntegerNetwork{}; });
}

TEST_CASE("integer_network: one value is real, the output") {
  check_refused("to be real, got 3", [](auto& n) { n.values[3].grid.reset(); });
  check_refused("expected a real output", [](auto& n) { n.values[9].grid = n.values[8].grid; });
  check_refused("expected a real output",
                [](auto& n) { n.output = 8, n.values[9].grid = n.values[8].grid; });
  check_refused("the network's output, 10, to be real, got 9", [](auto& n) { n.output = 10; });
  check_refused("got real value 9", [](auto& n) {
    n.operations.push_back({"again", AveragePool{}, {9}, {{{}, 10}}});
    n.values.push_back(n.values[8]);
  });
  check_refused("codes as output of quantize", [](auto& n) {
    n.output = 0;
    n.values[0].grid.reset();
  });
}

TEST_CASE("integer_network: sizes match the operations") {
  check_refused("value 3 to be 4x3x3", [](auto& n) { n.values[3].width = 4; });
  check_refused("value 0 to be 3x6x6", [](auto& n) { n.values[0].channels = 1; });
  check_refused("expected inputs of one shape", [](auto& n) { n.operations[4].inputs = {3, 0}; });
  check_refused("at least 1, got 0x6x6", [](auto& n) { n.channels = 0; });
  check_refused("divisible by groups", [](auto& n) { conv(n, 2).params.groups = 3; });
  check_refused("at least one group", [](auto& n) { conv(n, 2).params.groups = 0; });
  check_refused("expected kernel", [](auto& n) { conv(n, 2).params.padding.top = kHuge; });
  check_refused("expected kernel", [](auto& n) { conv(n, 2).params.dilation = {kHuge, 1}; });
  check_refused("padding >= 0 and smaller than the kernel",
                [](auto& n) { conv(n, 1).pool->padding.left = 2; });
  check_refused("channels to add", [](auto& n) { n.operations[5].kind = ZeroPad{-1, 2}; });
  check_refused("elements", [](auto& n) { n.operations[5].kind = ZeroPad{kMaxElements, 2}; });
  check_refused("elements", [](auto& n) { n.width = kMaxElements; });
  check_refused("elements", [](auto& n) { n.height = n.width = n.channels = kMaxElements; });
  check_refused("weights", [](auto& n) { conv(n, 7).out_channels = kMaxElements; });
  check_refused("sizes >= 0", [](auto& n) { conv(n, 7).out_channels = -1; });
}

TEST_CASE("integer_network: grids and weights fit each other and a byte") {
  check_refused("codes of one byte, got 0 to 256", [](auto& n) {
    n.values[0].grid = QuantGrid{.qmin = 0, .qmax = 256, .levels = {0, 1, 256}};
  });
  check_refused("at most 256 codes", [](auto& n) { n.values[0].grid->qmax = 256; });
  check_refused("per tensor", [](auto& n) { n.values[0].grid->axis = 0; });
  check_refused("finite scale > 0", [](auto& n) { n.values[0].grid->scale = {0.0f}; });
  check_refused("distinct levels", [](auto& n) { conv(n, 7).weight_grid.levels[1] = -4; });
  check_refused("expected 14 weights, got 15", [](auto& n) { conv(n, 7).weight.push_back(0); });
  check_refused("got 2 in channel 1", [](auto& n) { conv(n, 7).weight[8] = 2; });
  check_refused("got 8 in channel 0", [](auto& n) { conv(n, 1).weight[3] = 8; });
  check_refused("zero point 1, at most 255 in magnitude, got -2 in channel 1",
                [](auto& n) { conv(n, 8).weight[2] = -2; });
  check_refused("at most 255 in magnitude, got -256", [](auto& n) {
    conv(n, 7).weight_grid = {.qmin = -256, .qmax = 0, .levels = {-256, 0}};
    conv(n, 7).weight.assign(14, -256);
  });
  check_refused("weight grid without offset",
                [](auto& n) { conv(n, 7).weight_grid.offset = 0.5f; });
  check_refused("input scale * weight scale", [](auto& n) {
    n.values[7].grid->scale = {1e30f};
    conv(n, 7).weight_grid.scale = {1e30f};
  });
  check_refused("input grid without offset", [](auto& n) { n.values[0].grid->offset = 1.0f; });
}

TEST_CASE("integer_network: biases and steps are finite and one per channel") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  check_refused("finite bias", [=](auto& n) { conv(n, 1).bias[2] = kNan; });
  check_refused("4 biases or none, got 3", [](auto& n) { conv(n, 1).bias.pop_back(); });
  check_refused("finite scale of a step",
                [=](auto& n) { n.operations[1].outputs[0].steps[0].scale[1] = kNan; });
  check_refused("finite shift of a step", [](auto& n) {
    n.operations[1].outputs[1].steps[0].shift[1] = std::numeric_limits<float>::infinity();
  });
  check_refused("step of 4 scales and shifts, or none, got 4 and 3",
                [](auto& n) { n.operations[1].outputs[0].steps[0].shift.pop_back(); });
}

TEST_CASE("integer_network: an operation that moves codes has one output, on its input's grid") {
  check_refused("keep the grid", [](auto& n) { n.values[4].grid->scale = {1.0f}; });
  check_refused("one output without steps",
                [](auto& n) { n.operations[3].outputs[0].steps.emplace_back(); });
  check_refused("one output without steps", [](auto& n) {
    n.values.push_back(n.values[4]);
    n.operations[3].outputs.push_back({{}, 10});
  });
}

TEST_CASE("integer_network: products, functions, pads and concatenations fit their inputs") {
  const IntegerNetwork graph = testing::small_graph();
  const auto refused = [&](const char* part, const std::function<void(IntegerNetwork&)>& change) {
    check_refused(part, change, graph);
  };
  refused("[1, C, H, W] and [1, C, 1, 1], got [1, 2, 2, 2] and [1, 2, 4, 4]", [](auto& n) {
    std::get<AveragePool>(n.operations[2].kind).window = {{2, 2}, {2, 2}, {}};
    n.values[3].height = n.values[3].width = 2;
  });
  refused("expected 2 inputs, got 3", [](auto& n) { n.operations[3].inputs = {3, 1, 1}; });
  refused("finite product of the scales",
          [](auto& n) { n.values[3].grid->scale = n.values[1].grid->scale = {1e30f}; });
  refused("table of 32 values, or one for each of 2 channels, got 31",
          [](auto& n) { std::get<Lookup>(n.operations[1].kind).table.pop_back(); });
  refused("finite value of a table", [](auto& n) {
    std::get<Lookup>(n.operations[1].kind).table[5] = std::numeric_limits<float>::infinity();
  });
  refused("6 channel marks or none, got 1",
          [](auto& n) { std::get<MaxPool>(n.operations[6].kind).smallest = {1}; });
  refused("marks of 0 or 1, got 2",
          [](auto& n) { std::get<MaxPool>(n.operations[6].kind).smallest[2] = 2; });
  refused("or down to a part of the image, got 1, -2, 1, 1",
          [](auto& n) { std::get<ZeroPad>(n.operations[7].kind).image.left = -2; });
  refused("padding up to",
          [](auto& n) { std::get<ZeroPad>(n.operations[7].kind).image.top = kHuge; });
  refused("channels to add", [](auto& n) { std::get<ZeroPad>(n.operations[7].kind).before = -1; });
  refused("value 8 to be 7x5x3",
          [](auto& n) { std::get<ZeroPad>(n.operations[7].kind).image.top = 2; });
  refused("at least one input", [](auto& n) { n.operations[5].inputs.clear(); });
  refused("of one height and width", [](auto& n) { n.operations[5].inputs = {1, 3, 5}; });
  refused("value 6 to be 4x4x4", [](auto& n) { n.operations[5].inputs.pop_back(); });
  refused("keep the grid of its input", [](auto& n) { n.operations[5].inputs[1] = 2; });
}

TEST_CASE("integer_network: branches of channels fit their inputs") {
  const IntegerNetwork graph = testing::small_branches();
  CHECK_NOTHROW(check_network(graph));
  const auto refused = [&](const char* part, const std::function<void(IntegerNetwork&)>& change) {
    check_refused(part, change, graph);
  };
  refused("table of 32 values, or one for each of 4 channels, got 96",
          [](auto& n) { std::get<Lookup>(n.operations[1].kind).table.resize(96); });
  refused("channels in 0..3, got 4",
          [](auto& n) { std::get<ChannelSelection>(n.operations[2].kind).channels[0] = 4; });
  refused("channels in 0..3, got -1",
          [](auto& n) { std::get<ChannelSelection>(n.operations[2].kind).channels[1] = -1; });
  refused("at least one channel",
          [](auto& n) { std::get<ChannelSelection>(n.operations[2].kind).channels.clear(); });
  refused("2 channel marks or none, got 3",
          [](auto& n) { std::get<Extremum>(n.operations[5].kind).smallest.push_back(0); });
  refused("inputs of one shape", [](auto& n) { n.operations[5].inputs = {4, 1}; });
  refused("at least one input", [](auto& n) { n.operations[5].inputs.clear(); });
  refused("keep the grid of its input", [](auto& n) { n.values[3].grid->scale = {1.0f}; });
  refused("factors in 1..",
          [](auto& n) { std::get<Upsampling>(n.operations[7].kind).factor[1] = 0; });
  refused("value 7 to be 5x6x8",
          [](auto& n) { std::get<Upsampling>(n.operations[7].kind).factor[1] = 4; });
  refused("an image of 24 values or none, got 3",
          [](auto& n) { std::get<Quantize>(n.operations[0].kind).image.resize(3); });
}

TEST_CASE("integer_network: moved codes fit their images") {
  const IntegerNetwork graph = testing::small_moves();
  CHECK_NOTHROW(check_network(graph));
  const auto refused = [&](const char* part, const std::function<void(IntegerNetwork&)>& change) {
    check_refused(part, change, graph);
  };
  const auto moves = [](IntegerNetwork& n) -> Rearrangement& {
    return std::get<Rearrangement>(n.operations[1].kind);
  };
  const auto selection = [](IntegerNetwork& n) -> PixelSelection& {
    return std::get<PixelSelection>(n.operations[2].kind);
  };
  refused("each of 4 axes once", [&](auto& n) { moves(n).axes[0] = 4; });
  refused("each of 4 axes once", [&](auto& n) { moves(n).axes[0] = -1; });
  refused("each of 3 axes once", [&](auto& n) { moves(n).dims.pop_back(); });
  refused("sizes of at least 1", [&](auto& n) { moves(n).dims[0] = 0; });
  refused("sizes of at least 1",
          [&](auto& n) { moves(n).dims = std::vector<std::int64_t>(4, std::int64_t{1} << 20); });
  refused("with as many values as", [&](auto& n) { moves(n).size = {1, 4}; });
  refused("with as many values as", [&](auto& n) { moves(n).size = {1, 4, 5}; });
  refused("as many values as in", [&](auto& n) {
    moves(n).dims[0] = 4;
    moves(n).size[1] = 8;
  });
  refused("value 1 to be 2x2x6", [&](auto& n) { moves(n).size = {2, 2, 6}; });
  refused("rows in 0..3, got 4", [&](auto& n) { selection(n).rows[1] = 4; });
  refused("columns in 0..5, got -1", [&](auto& n) { selection(n).columns[1] = -1; });
  refused("1..1048576 rows, got 0", [&](auto& n) { selection(n).rows.clear(); });
  refused("value 2 to be 1x5x3", [&](auto& n) { selection(n).columns.push_back(0); });
  refused("keep the grid of its input", [](auto& n) { n.values[1].grid->scale = {1.0f}; });
}

TEST_CASE("bounds: the largest sum of a channel, as extreme codes reach it") {
  const IntegerNetwork network = testing::small_network();
  CHECK(quant::largest_code(*network.values[0].grid) == 248);  // 255 - 7
  CHECK(quant::largest_code(*network.values[3].grid) == 128);
  CHECK(quant::largest_code(*network.values[2].grid) == 1);
  const auto& affine = std::get<Convolution>(network.operations[8].kind);
  // Weights 0 and 7, -1 and 6, -3 and 4 twice, -7 and 0; codes -2..1.
  CHECK(largest_sums(affine, *network.values[8].grid) ==
        std::vector<std::int64_t>{14, 14, 14, 14, 14});
}

TEST_CASE("bounds: a network whose sums may exceed 32 bits is rejected") {
  // 33025 * 255 * 255 is the last multiple that stays below 2^31.
  const auto with_taps = [](std::int64_t channels) {
    IntegerNetwork network{.channels = channels, .height = 1, .width = 1};
    network.values = {{channels, 1, 1, quant::unsigned_grid(8), {}}, {1, 1, 1, std::nullopt, {}}};
    Convolution convolution{.out_channels = 1, .weight_grid = quant::unsigned_grid(8)};
    convolution.weight.assign(static_cast<std::size_t>(channels), 255);
    network.operations = {{"images", Quantize{}, {}, {{{}, 0}}},
                          {"fc", convolution, {0}, {{{}, 1}}}};
    network.output = 1;
    return network;
  };
  CHECK_NOTHROW(check_network(with_taps(33025)));
  CHECK_THROWS_WITH_AS(check_network(with_taps(33026)),
                       "integer network: operation 1 'fc': expected sums of at most 2147483646, "
                       "got sums of up to 2147515650",
                       std::invalid_argument);
}

TEST_CASE("bounds: an average of too many codes is rejected") {
  IntegerNetwork network{.channels = 1, .height = 1024, .width = 16384};
  network.values = {{1, 1024, 16384, quant::unsigned_grid(8), {}}, {1, 1, 1, std::nullopt, {}}};
  network.operations = {{"images", Quantize{}, {}, {{{}, 0}}},
                        {"mean", AveragePool{{{1024, 16384}, {1, 1}, {}}}, {0}, {{{}, 1}}}};
  network.output = 1;
  CHECK_THROWS_AS(check_network(network), std::invalid_argument);  // 2^24 * 255
  network.values[0].grid = quant::unsigned_grid(6);
  CHECK_NOTHROW(check_network(network));  // 2^24 * 63
}
