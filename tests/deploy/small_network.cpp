#include "deploy/small_network.h"

namespace quench::testing {
namespace {

using namespace deploy;
using quant::QuantGrid;

QuantGrid scaled(QuantGrid grid, float scale, std::int32_t zero_point = 0) {
  grid.scale = {scale};
  grid.zero_point = {zero_point};
  return grid;
}

Value value(std::int64_t channels, std::int64_t side, QuantGrid grid, const char* reader) {
  return {channels, side, side, std::move(grid), {reader}};
}

/// `count` integers that take every value from `low` to `high`.
std::vector<std::int16_t> weights(std::size_t count, int low, int high) {
  std::vector<std::int16_t> result(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto step = static_cast<int>(i * 5) % (high - low + 1);
    result[i] = static_cast<std::int16_t>(low + step);
  }
  return result;
}

Operation conv1() {
  Convolution conv{.kernel = {3, 3}, .params = {.padding = {1, 1, 1, 1}}, .out_channels = 4};
  conv.weight_grid = quant::signed_narrow_grid(4);
  conv.weight_grid.set_channels(4, true);
  conv.weight_grid.scale = {0.5f, 0.25f, 0.125f, 0.3f};
  conv.weight = weights(4 * 9 * 3, -7, 7);
  conv.bias = {0.5f, -1.0f, 0.0f, 2.0f};
  conv.pool = Window2d{{2, 2}, {2, 2}, {}};
  const Affine norm{{1.5f, 0.7f, -2.0f, 1.0f}, {0.1f, -0.2f, 0.0f, 3.0f}, Activation::relu};
  return {"conv1", conv, {0}, {{{norm, {{}, {}, Activation::relu6}}, 1}, {{norm}, 2}}};
}

Operation binary() {
  Convolution conv{
      .kernel = {3, 3}, .params = {.padding = {1, 1, 1, 1}, .groups = 2}, .out_channels = 4};
  conv.weight_grid = scaled(quant::binary_grid(), 0.75f);
  for (int i = 0; i < 4 * 9 * 2; ++i) conv.weight.push_back(i % 3 == 0 ? -1 : 1);
  return {"binary", conv, {2}, {{{}, 3}}};
}

Operation levels() {
  Convolution conv{.out_channels = 2};
  conv.weight_grid = {.bits = 3, .qmin = -4, .qmax = 4, .levels = {-4, -1, 0, 1, 4}};
  for (int i = 0; i < 2 * 7; ++i) {
    conv.weight.push_back(
        static_cast<std::int16_t>(conv.weight_grid.levels[static_cast<std::size_t>(i) * 3 % 5]));
  }
  return {"levels", conv, {7}, {{{}, 8}}};
}

Operation affine() {
  Convolution conv{.out_channels = 5};
  conv.weight_grid = quant::unsigned_grid(3);
  conv.weight_grid.set_channels(5, true);
  conv.weight_grid.zero_point = {0, 1, 3, 3, 7};
  // The least and the largest of each channel.
  conv.weight = {0, 7, -1, 6, -3, 4, -3, 4, -7, 0};
  conv.bias = {0.0f, 1.0f, 2.0f, 3.0f, 4.0f};
  return {"affine", conv, {8}, {{{}, 9}}};
}

}  // namespace

IntegerNetwork small_network() {
  IntegerNetwork network{.channels = 3, .height = 6, .width = 6};
  const QuantGrid four = scaled(quant::unsigned_grid(4), 0.4f);
  const QuantGrid three = scaled(quant::unsigned_grid(3), 1.25f, 2);
  network.values = {value(3, 6, scaled(quant::unsigned_grid(8), 0.015625f, 7), "conv1.input"),
                    value(4, 3, four, "pool.input"),
                    value(4, 3, scaled(quant::binary_grid(), 1.0f), "binary.input"),
                    value(4, 3, scaled(quant::signed_full_grid(8), 0.1f), "add.input"),
                    value(4, 3, four, "add.input2"),
                    value(4, 3, three, "pad.input"),
                    value(7, 3, three, "mean.input"),
                    value(7, 1, scaled(quant::signed_narrow_grid(8), 0.2f), "levels.input"),
                    value(2, 1, scaled(quant::signed_full_grid(2), 3.0f), "affine.input"),
                    {5, 1, 1, std::nullopt, {}}};
  network.values[7].readers.emplace_back("another.input");
  network.values[8].grid->offset = 0.375f;
  network.operations = {{"images", Quantize{}, {}, {{{}, 0}}},
                        conv1(),
                        binary(),
                        {"pool", MaxPool{{{3, 3}, {1, 1}, {1, 1, 1, 1}}}, {1}, {{{}, 4}}},
                        {"add", Addition{}, {3, 4}, {{{{{}, {}, Activation::hardtanh}}, 5}}},
                        {"pad", PadChannels{1, 2}, {5}, {{{}, 6}}},
                        {"mean", AveragePool{{{3, 3}, {1, 1}, {}}}, {6}, {{{}, 7}}},
                        levels(),
                        affine()};
  network.output = 9;
  network.metadata = {{"model", "small"}, {"classes", "one\ntwo\nthree\nfour\nf\u00fcnf"}};
  return network;
}

}  // namespace quench::testing
