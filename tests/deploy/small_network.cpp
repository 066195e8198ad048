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
                        {"pad", ZeroPad{1, 2}, {5}, {{{}, 6}}},
                        {"mean", AveragePool{{{3, 3}, {1, 1}, {}}}, {6}, {{{}, 7}}},
                        levels(),
                        affine()};
  network.output = 9;
  network.metadata = {{"model", "small"}, {"classes", "one\ntwo\nthree\nfour\nf\u00fcnf"}};
  return network;
}

IntegerNetwork small_graph() {
  IntegerNetwork network{.channels = 2, .height = 4, .width = 4};
  const QuantGrid four = scaled(quant::signed_full_grid(4), 0.213f, -2);
  const QuantGrid other = scaled(quant::unsigned_grid(4), 0.3f);
  network.values = {value(2, 4, scaled(quant::unsigned_grid(5), 0.1f, 3), "lookup.input"),
                    value(2, 4, four, "mean.input"),
                    value(2, 4, other, "square.input1"),
                    value(2, 1, scaled(quant::signed_narrow_grid(8), 0.0471f), "excite.input1"),
                    value(2, 4, four, "square.input2"),
                    value(2, 4, four, "join"),
                    value(6, 4, four, "pool"),
                    value(6, 2, four, "pad"),
                    value(7, 4, four, "fc.input"),
                    {3, 1, 1, std::nullopt, {"output"}}};
  network.values[2].grid->offset = -0.7f;
  network.values[8].width = 3;
  Lookup lookup;
  for (int q = 0; q < 32; ++q)
    lookup.table.push_back(static_cast<float>((q - 3) * (q - 3)) * 0.01f - 0.5f);
  const Affine norm{{-1.5f, 0.25f}, {1.0f, 0.1f}, Activation::none};
  Convolution fc{.kernel = {4, 3}, .out_channels = 3, .weight_grid = quant::signed_narrow_grid(4)};
  fc.weight = weights(3 * 4 * 3 * 7, -7, 7);
  fc.bias = {0.5f, -1.0f, 1.5f};
  const Window2d two{{2, 2}, {2, 2}, {}};
  network.operations = {
      {"images", Quantize{}, {}, {{{}, 0}}},
      {"lookup", lookup, {0}, {{{}, 1}, {{norm, {{}, {}, Activation::relu6}}, 2}}},
      {"mean", AveragePool{{{4, 4}, {1, 1}, {}}}, {1}, {{{}, 3}}},
      {"excite", Multiplication{}, {3, 1}, {{{}, 4}}},
      {"square", Multiplication{}, {2, 4}, {{{norm}, 5}}},
      {"join", Concatenation{}, {1, 4, 5}, {{{}, 6}}},
      {"pool", MaxPool{two, {0, 1, 0, 0, 1, 0}}, {6}, {{{}, 7}}},
      {"pad", ZeroPad{1, 0, {1, 0, 1, 1}}, {7}, {{{}, 8}}},
      {"fc", fc, {8}, {{{}, 9}}}};
  network.output = 9;
  network.metadata = {{"model", "graph"}};
  return network;
}

IntegerNetwork small_branches() {
  IntegerNetwork network{.channels = 4, .height = 3, .width = 2};
  const QuantGrid five = scaled(quant::unsigned_grid(5), 0.1f, 9);
  const QuantGrid four = scaled(quant::signed_full_grid(4), 0.213f, -2);
  network.values = {value(4, 3, five, "slopes.input"),
                    value(4, 3, four, "first"),
                    value(2, 3, four, "difference.input1"),
                    value(2, 3, four, "difference.input2"),
                    value(2, 3, four, "largest"),
                    value(2, 3, four, "shuffle"),
                    value(5, 3, four, "larger"),
                    value(5, 6, four, "fc.input"),
                    {3, 1, 1, std::nullopt, {"output"}}};
  for (std::size_t i = 0; i < 7; ++i) network.values[i].width = 2;
  Lookup slopes;
  for (const float slope : {0.1f, -0.5f, 0.0f, 2.0f})
    for (int q = 0; q < 32; ++q)
      slopes.table.push_back(static_cast<float>(q - 9) * 0.1f * (q > 9 ? 1.0f : slope));
  const Affine norm{{-1.5f, 0.25f}, {1.0f, 0.1f}, Activation::none};
  Convolution fc{.kernel = {6, 6}, .out_channels = 3, .weight_grid = quant::signed_narrow_grid(4)};
  fc.weight = weights(3 * 6 * 6 * 5, -7, 7);
  network.operations = {{"images", Quantize{}, {}, {{{}, 0}}},
                        {"slopes", slopes, {0}, {{{}, 1}}},
                        {"first", ChannelSelection{{0, 1}}, {1}, {{{}, 2}}},
                        {"others", ChannelSelection{{3, 2}}, {1}, {{{}, 3}}},
                        {"difference", Addition{.subtracts = true}, {2, 3}, {{{norm}, 4}}},
                        {"largest", Extremum{{0, 1}}, {4, 2, 3}, {{{}, 5}}},
                        {"shuffle", ChannelSelection{{1, 0, 1, 1, 0}}, {5}, {{{}, 6}}},
                        {"larger", Upsampling{{2, 3}}, {6}, {{{}, 7}}},
                        {"fc", fc, {7}, {{{}, 8}}}};
  network.output = 8;
  network.metadata = {{"model", "branches"}};
  return network;
}

IntegerNetwork small_moves() {
  IntegerNetwork network{.channels = 4, .height = 2, .width = 3};
  const QuantGrid five = scaled(quant::unsigned_grid(5), 0.1f, 9);
  network.values = {value(4, 2, five, "blocks"),
                    value(1, 4, five, "mirrored"),
                    value(1, 5, five, "fc.input"),
                    {3, 1, 1, std::nullopt, {"output"}}};
  network.values[0].width = 3;
  network.values[1].width = 6;
  network.values[2].width = 2;
  Convolution fc{.kernel = {5, 2}, .out_channels = 3, .weight_grid = quant::signed_narrow_grid(4)};
  fc.weight = weights(3 * 5 * 2, -7, 7);
  network.operations = {
      {"images", Quantize{}, {}, {{{}, 0}}},
      {"blocks",
       Rearrangement{.dims = {2, 3, 2, 2}, .axes = {0, 2, 1, 3}, .size = {1, 4, 6}},
       {0},
       {{{}, 1}}},
      {"mirrored", PixelSelection{.rows = {1, 0, 3, 1, 2}, .columns = {5, 0}}, {1}, {{{}, 2}}},
      {"fc", fc, {2}, {{{}, 3}}}};
  network.output = 3;
  network.metadata = {{"model", "moves"}};
  return network;
}

}  // namespace quench::testing
