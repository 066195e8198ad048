#include "onnx/export/export_integers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "deploy/small_network.h"

using namespace quench;
using namespace quench::deploy;
using namespace quench::onnx;

// The test `onnx_runtime` of the suite interop runs the graphs in a runtime; here their nodes are checked.

namespace {

const OnnxNode& node(const OnnxModel& model, const std::string& output) {
  const auto found = std::ranges::find(model.nodes, output, &OnnxNode::output);
  REQUIRE(found != model.nodes.end());
  return *found;
}

const OnnxTensor& constant(const OnnxModel& model, const std::string& name) {
  const auto found = std::ranges::find(model.constants, name, &OnnxTensor::name);
  REQUIRE(found != model.constants.end());
  return *found;
}

template <typename T>
std::vector<T> values(const OnnxTensor& tensor) {
  std::vector<T> result(tensor.bytes.size() / sizeof(T));
  std::memcpy(result.data(), tensor.bytes.data(), tensor.bytes.size());
  return result;
}

/// small_network() up to its sums, without the activation grid with an offset.
IntegerNetwork without_offset() {
  IntegerNetwork network = testing::small_network();
  network.values[8].grid->offset = 0.0f;
  return network;
}

}  // namespace

TEST_CASE("export_integers: QuantizeLinear has scale and zero point of the grid") {
  const OnnxModel model = export_integers(testing::small_network(), {}).model;
  const OnnxNode& quantize = node(model, "images/codes");
  CHECK(quantize.op == "QuantizeLinear");
  CHECK(values<float>(constant(model, quantize.inputs[1])) == std::vector{0.015625f});
  const OnnxTensor& zero_point = constant(model, quantize.inputs[2]);
  CHECK(zero_point.type == OnnxType::u8);
  CHECK(values<std::uint8_t>(zero_point) == std::vector<std::uint8_t>{7});
}

TEST_CASE("export_integers: after the sums, codes of fewer bits are clipped as real values") {
  const OnnxModel model = export_integers(without_offset(), {.scales = OnnxScales::sums}).model;
  // 3 bits, scale 1.25, zero point 2: from -2.5 to 6.25.
  const OnnxNode& clip = node(model, node(model, "add/codes").inputs[0]);
  CHECK(clip.op == "Clip");
  CHECK(values<float>(constant(model, clip.inputs[1])) == std::vector{-2.5f});
  CHECK(values<float>(constant(model, clip.inputs[2])) == std::vector{6.25f});
}

TEST_CASE("export_integers: in operands, codes are clipped after their QuantizeLinear") {
  const OnnxModel model = export_integers(testing::small_network(), {}).model;
  // 3 bits, scale 1.25, zero point 2, after a hardtanh: from 2 - 0.8 to 2 + 0.8.
  CHECK(node(model, node(model, "add/codes").inputs[0]).op == "Add");
  const OnnxNode& clip = node(model, "add/codes/clipped");
  CHECK(values<std::uint8_t>(constant(model, clip.inputs[1])) == std::vector<std::uint8_t>{1});
  CHECK(values<std::uint8_t>(constant(model, clip.inputs[2])) == std::vector<std::uint8_t>{3});
  const OnnxNode& dequantize = node(model, node(model, "pad").inputs[0]);
  CHECK(dequantize.op == "DequantizeLinear");
  CHECK(dequantize.inputs[0] == clip.output);
  // Codes from -127 to 127, with a zero point of 128.
  const OnnxNode& mean = node(model, "mean/codes/clipped");
  CHECK(values<std::uint8_t>(constant(model, mean.inputs[1])) == std::vector<std::uint8_t>{1});
  const OnnxNode& quantize = node(model, mean.inputs[0]);
  CHECK(values<std::uint8_t>(constant(model, quantize.inputs[2])) ==
        std::vector<std::uint8_t>{128});
}

TEST_CASE("export_integers: weights are O, I, H, W, with the scales of their channels") {
  const IntegerNetwork network = testing::small_network();
  const OnnxModel model = export_integers(network, {}).model;
  const OnnxNode& conv = node(model, "conv1");
  CHECK(std::get<std::vector<std::int64_t>>(conv.attributes.at("pads")) ==
        std::vector<std::int64_t>{1, 1, 1, 1});
  const OnnxNode& dequantize = node(model, conv.inputs[1]);
  CHECK(dequantize.op == "DequantizeLinear");
  CHECK(std::get<std::int64_t>(dequantize.attributes.at("axis")) == 0);
  CHECK(values<float>(constant(model, dequantize.inputs[1])) ==
        std::vector{0.5f, 0.25f, 0.125f, 0.3f});
  const OnnxTensor& weight = constant(model, dequantize.inputs[0]);
  CHECK(weight.type == OnnxType::s8);
  CHECK(weight.dims == std::vector<std::int64_t>{4, 3, 3, 3});
  const auto codes = values<std::int8_t>(weight);
  const auto& kept = std::get<Convolution>(network.operations[1].kind).weight;
  for (std::size_t o = 0; o < 4; ++o)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t tap = 0; tap < 9; ++tap)
        CHECK(codes[(o * 3 + c) * 9 + tap] == kept[(o * 9 + tap) * 3 + c]);
}

TEST_CASE("export_integers: zero points of weights are added to their codes again") {
  const OnnxModel model = export_integers(testing::small_network(), {}).model;
  const OnnxNode& dequantize = node(model, node(model, "affine").inputs[1]);
  CHECK(constant(model, dequantize.inputs[0]).type == OnnxType::u8);
  // Every channel has the smallest and the largest code of 3 bits.
  CHECK(values<std::uint8_t>(constant(model, dequantize.inputs[0])) ==
        std::vector<std::uint8_t>{0, 7, 0, 7, 0, 7, 0, 7, 0, 7});
  CHECK(values<std::uint8_t>(constant(model, dequantize.inputs[2])) ==
        std::vector<std::uint8_t>{0, 1, 3, 3, 7});
}

TEST_CASE("export_integers: one bit is a comparison, its weights -1 and +1") {
  const OnnxModel model = export_integers(testing::small_network(), {}).model;
  const OnnxNode& conv = node(model, "binary");
  const OnnxNode& sign = node(model, conv.inputs[0]);
  CHECK(sign.op == "Where");
  CHECK(node(model, sign.inputs[0]).op == "Less");
  CHECK(std::get<std::int64_t>(conv.attributes.at("group")) == 2);
  const OnnxNode& weight = node(model, conv.inputs[1]);
  CHECK(values<float>(constant(model, weight.inputs[1])) == std::vector{0.75f});
  for (const std::int8_t w : values<std::int8_t>(constant(model, weight.inputs[0])))
    CHECK(std::abs(w) == 1);
}

TEST_CASE("export_integers: scales after the sums are the products of both, in float32") {
  const OnnxModel model = export_integers(without_offset(), {.scales = OnnxScales::sums}).model;
  const OnnxNode& conv = node(model, "conv1");
  CHECK(conv.inputs.size() == 2);
  for (const std::string& operand : conv.inputs) {
    const auto scales = values<float>(constant(model, node(model, operand).inputs[1]));
    CHECK(std::ranges::all_of(scales, [](float scale) { return scale == 1.0f; }));
  }
  const OnnxNode& product = node(model, "conv1/product");
  CHECK(values<float>(constant(model, product.inputs[1])) ==
        std::vector{0.015625f * 0.5f, 0.015625f * 0.25f, 0.015625f * 0.125f, 0.015625f * 0.3f});
  CHECK(node(model, product.inputs[0]).op == "MaxPool");
}

TEST_CASE("export_integers: pixels are normalized inside") {
  const PixelNormalization pixels{{1.0f, 2.0f, 3.0f}, {4.0f, 5.0f, 6.0f}};
  const OnnxModel model = export_integers(testing::small_network(), {.pixels = pixels}).model;
  const OnnxNode& divide = node(model, "images/normalized");
  CHECK(values<float>(constant(model, divide.inputs[1])) == pixels.std);
  const OnnxNode& subtract = node(model, divide.inputs[0]);
  CHECK(subtract.inputs[0] == model.input.name);
  CHECK(values<float>(constant(model, subtract.inputs[1])) == pixels.mean);
}

TEST_CASE("export_integers: every node has a unique name and only reads earlier values") {
  for (const IntegerNetwork& network :
       {testing::small_network(), testing::small_graph(), testing::small_branches()}) {
    const OnnxModel model = export_integers(network, {}).model;
    std::set<std::string> known{model.input.name};
    for (const OnnxTensor& tensor : model.constants) CHECK(known.insert(tensor.name).second);
    for (const OnnxNode& each : model.nodes) {
      for (const std::string& input : each.inputs) {
        CAPTURE(input);
        CHECK((input.empty() || known.contains(input)));
      }
      CHECK(known.insert(each.output).second);
    }
    CHECK(model.nodes.back().output == model.output.name);
  }
}

TEST_CASE(
    "export_integers: a product of codes, then its scale; a product of real values with an "
    "offset") {
  const OnnxModel model =
      export_integers(testing::small_graph(), {.scales = OnnxScales::sums}).model;
  const OnnxNode& scaled = node(model, "excite");
  CHECK(values<float>(constant(model, scaled.inputs[1])) == std::vector{0.0471f * 0.213f});
  const OnnxNode& product = node(model, scaled.inputs[0]);
  CHECK(product.op == "Mul");
  for (const std::string& factor : product.inputs)
    CHECK(values<float>(constant(model, node(model, factor).inputs[1])) == std::vector{1.0f});
  const OnnxNode& square = node(model, "square");
  CHECK(square.op == "Mul");
  CHECK(node(model, square.inputs[0]).op == "Add");  // the offset
}

TEST_CASE("export_integers: a function is its table, counted from the code of 0") {
  const IntegerNetwork graph = testing::small_graph();
  const OnnxModel model = export_integers(graph, {}).model;
  const OnnxNode& gather = node(model, "lookup");
  CHECK(gather.op == "Gather");
  const OnnxNode& number = node(model, gather.inputs[1]);
  CHECK(number.op == "Cast");
  CHECK(values<float>(constant(model, node(model, number.inputs[0]).inputs[1])) ==
        std::vector{1.0f});
  const auto& table = std::get<Lookup>(graph.operations[1].kind).table;
  const auto exported = values<float>(constant(model, gather.inputs[0]));
  REQUIRE(exported.size() == 32);
  // Zero point 3: codes 0, 1, 2 are -3, -2, -1.
  for (std::size_t q = 0; q < 32; ++q) CHECK(exported[(q + 32 - 3) % 32] == table[q]);
}

TEST_CASE("export_integers: a max pool negates the channels that take the minimum") {
  const OnnxModel model = export_integers(testing::small_graph(), {}).model;
  const OnnxNode& back = node(model, "pool");
  CHECK(back.op == "Mul");
  CHECK(values<float>(constant(model, back.inputs[1])) ==
        std::vector{1.0f, -1.0f, 1.0f, 1.0f, -1.0f, 1.0f});
  const OnnxNode& pool = node(model, back.inputs[0]);
  CHECK(pool.op == "MaxPool");
  CHECK(node(model, pool.inputs[0]).inputs[1] == back.inputs[1]);
}

TEST_CASE("export_integers: zero padding and concatenations") {
  const OnnxModel model = export_integers(testing::small_graph(), {}).model;
  const OnnxNode& pad = node(model, "pad");
  CHECK(pad.op == "Pad");
  CHECK(values<std::int64_t>(constant(model, pad.inputs[1])) ==
        std::vector<std::int64_t>{0, 1, 1, 0, 0, 0, 1, 1});
  const OnnxNode& join = node(model, "join");
  CHECK(join.op == "Concat");
  CHECK(join.inputs.size() == 3);
  CHECK(std::get<std::int64_t>(join.attributes.at("axis")) == 1);
}

TEST_CASE("export_integers: grids without ONNX codes are rejected by name") {
  IntegerNetwork uneven = testing::small_network();
  uneven.values[4].grid->levels = {0, 1, 4, 15};
  CHECK_THROWS_WITH_AS(export_integers(uneven, {}).model,
                       doctest::Contains("pool/codes has unevenly spaced codes"),
                       std::invalid_argument);
  IntegerNetwork wide = testing::small_network();
  std::get<Convolution>(wide.operations[1].kind).weight_grid.qmax = 255;
  CHECK_THROWS_WITH_AS(export_integers(wide, {}).model,
                       doctest::Contains("conv1/weight has codes from -7 to 255"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      export_integers(testing::small_network(), {.scales = OnnxScales::sums}).model,
      doctest::Contains("affine reads codes with an offset (0.375)"), std::invalid_argument);
}
