// No attribute of an operator may be ignored: the importer reads every attribute in ONNX's schemas, and
// each changes the network's output or is rejected.

#include <doctest/doctest.h>
#include <onnx/defs/schema.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>

#include "onnx/import/graph.h"
#include "onnx/import/operators.h"

using namespace quench;
using namespace quench::onnx;

namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kFirstOpset = 7;

struct Listed {
  std::string op, attribute;
  std::int64_t opset;
  auto operator<=>(const Listed&) const = default;
};

/// All attributes of the operators that quench knows, in each version of them.
std::set<Listed> listed_attributes() {
  // From newer operator sets than the library of Debian 12 knows.
  std::set<Listed> result{{"AveragePool", "dilations", 19},
                          {"Cast", "round_mode", 24},
                          {"Cast", "saturate", 19},
                          {"DequantizeLinear", "block_size", 21},
                          {"DequantizeLinear", "output_dtype", 23},
                          {"Gelu", "approximate", 20},
                          {"GroupNormalization", "epsilon", 18},
                          {"GroupNormalization", "num_groups", 18},
                          {"GroupNormalization", "stash_type", 21},
                          {"QuantizeLinear", "block_size", 21},
                          {"QuantizeLinear", "output_dtype", 21},
                          {"QuantizeLinear", "precision", 23},
                          {"QuantizeLinear", "saturate", 19},
                          {"ReduceL2", "noop_with_empty_axes", 18},
                          {"ReduceMean", "noop_with_empty_axes", 18},
                          {"Resize", "antialias", 18},
                          {"Resize", "axes", 18},
                          {"Resize", "keep_aspect_ratio_policy", 18},
                          {"Split", "num_outputs", 18}};
  std::map<std::string, std::map<std::int64_t, const ::onnx::OpSchema*>> versions;
  const auto schemas = ::onnx::OpSchemaRegistry::get_all_schemas_with_history();
  for (const ::onnx::OpSchema& schema : schemas) {
    if (schema.domain().empty() && find_operator(schema.Name()) != nullptr)
      versions[schema.Name()][schema.SinceVersion()] = &schema;
  }
  for (const auto& [op, schema_of] : versions) {
    for (auto it = schema_of.begin(); it != schema_of.end(); ++it) {
      const bool replaced = std::next(it) != schema_of.end() && std::next(it)->first <= kFirstOpset;
      if (replaced) continue;
      for (const auto& [name, attribute] : it->second->attributes())
        result.insert({op, name, std::max(it->first, kFirstOpset)});
    }
  }
  return result;
}

/// The network that has a node of the operator with these attributes.
using Make = std::function<void(GraphMaker&, OnnxAttributes)>;

OnnxAttributes with(OnnxAttributes base, const OnnxAttributes& changed) {
  for (const auto& [name, value] : changed) base[name] = value;
  return base;
}

/// A network with an operator that outputs an image [N, channels, H, W].
Make image_op(const std::string& op, std::int64_t channels, OnnxAttributes base = {}) {
  return [=](GraphMaker& g, const OnnxAttributes& changed) {
    g.classify_image(g.node(op, {"images"}, with(base, changed)), channels);
  };
}

std::string flat_images(GraphMaker& g) { return g.node("Flatten", {"images"}); }

std::string means(GraphMaker& g) { return g.node("GlobalAveragePool", {"images"}); }

void reshape_to(GraphMaker& g, const std::string& shape) {
  g.classify(g.node("Reshape", {"images", shape}), 3 * 9 * 8);
}

/// A reduction of constants, which are sizes for a Reshape.
Make reduction(const std::string& op, std::int64_t axes_are_inputs) {
  return [=](GraphMaker& g, const OnnxAttributes& changed) {
    OnnxAttributes base;
    if (g.model.opset < axes_are_inputs) base["axes"] = Ints{0};
    reshape_to(g, g.node(op, {g.integers({2, 2}, {0, -1, 0, 0})}, with(base, changed)));
  };
}

/// A convolution with a weight on a separate grid per output channel.
void quantized_weight(GraphMaker& g, const OnnxAttributes& quantize,
                      const OnnxAttributes& dequantize) {
  const std::string scale = g.floats({6}, {0.1f, 0.2f, 0.3f, 0.1f, 0.2f, 0.3f});
  const std::string codes = g.node("QuantizeLinear", {g.drawn({6, 3, 3, 3}), scale}, quantize);
  const std::string weight = g.node("DequantizeLinear", {codes, scale}, dequantize);
  g.classify_image(g.node("Conv", {"images", weight}), 6);
}

const std::map<std::string, Make>& makes() {
  static const OnnxAttributes window{
      {"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}};
  static const std::map<std::string, Make> table{
      {"AveragePool", image_op("AveragePool", 3, window)},
      {"BatchNormalization",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string x = g.batch_norm("images", 3);
         g.model.nodes.back().attributes = changed;
         g.classify_image(x, 3);
       }},
      {"Cast", image_op("Cast", 3, {{"to", std::int64_t{1}}})},
      {"Clip", image_op("Clip", 3)},
      {"Concat",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const OnnxAttributes axis = with({{"axis", std::int64_t{1}}}, changed);
         g.classify_image(g.node("Concat", {"images", "images"}, axis), 6);
       }},
      {"ConstantOfShape",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string ones = g.node("ConstantOfShape", {g.integers({1}, {2})}, changed);
         reshape_to(g, ones);
       }},
      {"Conv",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify_image(g.conv("images", 3, 6, 3, changed), 6);
       }},
      {"DequantizeLinear",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         quantized_weight(g, {{"axis", std::int64_t{0}}},
                          with({{"axis", std::int64_t{0}}}, changed));
       }},
      {"ConvTranspose",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::int64_t groups = changed.contains("group") ? 3 : 1;
         g.classify_image(
             g.node("ConvTranspose", {"images", g.drawn({3, 6 / groups, 3, 3})}, changed), 6);
       }},
      {"DepthToSpace",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string x = g.conv("images", 3, 8);
         g.classify_image(
             g.conv(g.node("DepthToSpace", {x}, with({{"blocksize", std::int64_t{2}}}, changed)), 2,
                    3),
             3);
       }},
      {"Dropout", image_op("Dropout", 3)},
      {"Elu", image_op("Elu", 3)},
      {"Flatten",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify(g.node("Flatten", {"images"}, changed), 3 * 9 * 8);
       }},
      {"Gather",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string rows = g.integers({2, 2}, {0, -1, 0, 0});
         reshape_to(g, g.node("Gather", {rows, g.integers({}, {0})}, changed));
       }},
      {"Gelu", image_op("Gelu", 3)},
      {"Gemm",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.finish(g.node("Gemm", {flat_images(g), g.drawn({216, 4}), g.drawn({4})}, changed));
       }},
      {"GroupNormalization",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify_image(g.node("GroupNormalization", {"images", g.drawn({1}), g.drawn({1})},
                                 with({{"num_groups", std::int64_t{1}}}, changed)),
                          3);
       }},
      {"HardSigmoid", image_op("HardSigmoid", 3)},
      {"InstanceNormalization",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string x =
             g.node("InstanceNormalization", {"images", g.drawn({3}), g.drawn({3})}, changed);
         g.classify_image(g.node("MaxPool", {x}, {{"kernel_shape", Ints{3, 3}}}), 3);
       }},
      {"LRN", image_op("LRN", 3, {{"size", std::int64_t{3}}})},
      {"LayerNormalization",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string x = g.node("Transpose", {"images"}, {{"perm", Ints{0, 2, 3, 1}}});
         const std::string y =
             g.node("LayerNormalization", {x, g.drawn({3}), g.drawn({3})}, changed);
         g.classify_image(g.node("Transpose", {y}, {{"perm", Ints{0, 3, 1, 2}}}), 3);
       }},
      {"LeakyRelu", image_op("LeakyRelu", 3)},
      {"LogSoftmax",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify(flat_images(g), 216);
         g.finish(g.node("LogSoftmax", {g.model.output.name}, changed));
       }},
      {"MaxPool", image_op("MaxPool", 3, window)},
      {"Mod",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         reshape_to(g, g.node("Mod", {g.integers({2}, {0, -1}), g.integers({2}, {7, 2})}, changed));
       }},
      {"Pad",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const Ints pads{0, 0, 1, 1, 0, 0, 1, 1};
         const std::string x = g.model.opset < 11
                                   ? g.node("Pad", {"images"}, with({{"pads", pads}}, changed))
                                   : g.node("Pad", {"images", g.integers({8}, pads)}, changed);
         g.classify_image(x, 3);
       }},
      {"QuantizeLinear",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         quantized_weight(g, with({{"axis", std::int64_t{0}}}, changed),
                          {{"axis", std::int64_t{0}}});
       }},
      {"ReduceL2",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         OnnxAttributes attributes = changed;
         if (g.model.opset < 18) attributes.emplace("axes", Ints{2, 3});
         g.classify_image(g.conv(g.node("ReduceL2", {"images"}, attributes), 3, 2, 1), 2);
       }},
      {"ReduceMax", reduction("ReduceMax", 18)},
      {"ReduceMean",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         OnnxAttributes attributes = changed;
         if (g.model.opset < 18) attributes.emplace("axes", Ints{2, 3});
         g.classify_image(g.conv(g.node("ReduceMean", {"images"}, attributes), 3, 2, 1), 2);
       }},
      {"ReduceMin", reduction("ReduceMin", 18)},
      {"ReduceProd", reduction("ReduceProd", 18)},
      {"ReduceSum", reduction("ReduceSum", 13)},
      {"Reshape",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         reshape_to(g, g.integers({2}, {0, -1}));
         g.model.nodes[0].attributes = changed;
       }},
      {"Resize",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string scales = g.floats({4}, {1.0f, 1.0f, 2.0f, 3.0f});
         const std::string x = g.model.opset < 11
                                   ? g.node("Resize", {"images", scales}, changed)
                                   : g.node("Resize", {"images", "", scales}, changed);
         g.classify_image(x, 3);
       }},
      {"Selu", image_op("Selu", 3)},
      {"Shape",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string same =
             g.node("Reshape", {"images", g.node("Shape", {"images"}, changed)});
         g.classify_image(same, 3);
       }},
      {"Slice",
       image_op("Slice", 3, {{"axes", Ints{2, 3}}, {"starts", Ints{0, 0}}, {"ends", Ints{9, 8}}})},
      {"Softmax",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify(flat_images(g), 216);
         g.finish(g.node("Softmax", {g.model.output.name}, changed));
       }},
      {"SpaceToDepth",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string x = g.conv("images", 3, 2, 2, {{"strides", Ints{2, 2}}});
         g.classify_image(
             g.node("SpaceToDepth", {x}, with({{"blocksize", std::int64_t{2}}}, changed)), 8);
       }},
      {"Split",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify_image(
             g.split({g.conv("images", 3, 4)}, 2, with({{"axis", std::int64_t{1}}}, changed))[0],
             2);
       }},
      {"Squeeze",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const OnnxAttributes axes = with({{"axes", Ints{2, 3}}}, changed);
         g.classify(g.node("Squeeze", {means(g)}, axes), 3);
       }},
      {"Transpose",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         g.classify_image(
             g.node("Transpose", {"images"}, with({{"perm", Ints{0, 1, 2, 3}}}, changed)), 3);
       }},
      {"Unsqueeze",
       [](GraphMaker& g, const OnnxAttributes& changed) {
         const std::string features = g.node("Flatten", {means(g)});
         const OnnxAttributes axes = with({{"axes", Ints{2, 3}}}, changed);
         g.classify_image(g.conv(g.node("Unsqueeze", {features}, axes), 3, 2, 1), 2);
       }},
  };
  return table;
}

OnnxTensor minus_one() {
  return {
      .name = "value", .type = OnnxType::s64, .dims = {1}, .bytes = std::vector(8, std::byte{255})};
}

/// A value other than the default and the one in the network above.
const std::map<std::string, OnnxAttribute>& unusual() {
  static const std::map<std::string, OnnxAttribute> table{
      {"alpha", 0.3f},
      {"antialias", std::int64_t{1}},
      {"approximate", std::string("tanh")},
      {"axes", Ints{1, 2}},
      {"axis", std::int64_t{0}},
      {"beta", 0.7f},
      {"bias", 2.0f},
      {"block_size", std::int64_t{3}},
      {"ceil_mode", std::int64_t{1}},
      {"coordinate_transformation_mode", std::string("align_corners")},
      {"blocksize", std::int64_t{1}},
      {"output_padding", Ints{1, 0}},
      {"output_shape", Ints{9, 8}},
      {"count_include_pad", std::int64_t{1}},
      {"dilations", Ints{2, 2}},
      {"end", std::int64_t{1}},
      {"ends", Ints{5, 8}},
      {"epsilon", 0.5f},
      {"fmod", std::int64_t{1}},
      {"gamma", 0.5f},
      {"group", std::int64_t{3}},
      {"keep_aspect_ratio_policy", std::string("not_larger")},
      {"keepdims", std::int64_t{0}},
      {"kernel_shape", Ints{2, 2}},
      {"max", 0.25f},
      {"min", -0.25f},
      {"mode", std::string("reflect")},
      {"momentum", 0.5f},
      {"nearest_mode", std::string("ceil")},
      {"noop_with_empty_axes", std::int64_t{1}},
      {"num_groups", std::int64_t{3}},
      {"num_outputs", std::int64_t{3}},
      {"output_dtype", std::int64_t{4}},
      {"pads", Ints{0, 0, 1, 1, 0, 0, 1, 0}},
      {"perm", Ints{0, 1, 3, 2}},
      {"precision", std::int64_t{10}},
      {"ratio", 0.2f},
      {"size", std::int64_t{1}},
      {"spatial", std::int64_t{0}},
      {"split", Ints{1, 3}},
      {"start", std::int64_t{1}},
      {"starts", Ints{1, 0}},
      {"strides", Ints{1, 2}},
      {"to", std::int64_t{7}},
      {"training_mode", std::int64_t{1}},
      {"transA", std::int64_t{1}},
      {"transB", std::int64_t{1}},
  };
  return table;
}

OnnxAttribute unusual_value(const Listed& listed) {
  if (listed.attribute == "auto_pad")
    return std::string(listed.op.starts_with("Conv") ? "SAME_LOWER" : "VALID");
  if (listed.attribute == "pads" && listed.op != "Pad") return Ints{0, 1, 1, 0};
  if (listed.attribute == "value" && listed.op == "ConstantOfShape") return minus_one();
  if (listed.attribute == "mode" && listed.op == "DepthToSpace") return std::string("CRD");
  if (listed.attribute == "value") return 1.0f;
  if (listed.attribute == "axis" && listed.op == "Flatten") return std::int64_t{2};
  if (listed.attribute == "axis" && listed.op.ends_with("uantizeLinear")) return std::int64_t{1};
  if (listed.attribute == "axis" && listed.op == "Gather") return std::int64_t{1};
  if (listed.attribute == "allowzero") return std::int64_t{1};
  const auto found = unusual().find(listed.attribute);
  REQUIRE_MESSAGE(found != unusual().end(), listed.attribute);
  return found->second;
}

/// The network's output in training and evaluation, or the error.
struct Outcome {
  std::string refusal;
  std::vector<float> logits;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome(const OnnxModel& model) {
  Outcome result;
  try {
    const auto network = build(model);
    Tensor images({2, 3, 9, 8});
    Random random(3, "images");
    std::ranges::generate(images.span(), [&] { return random.normal(); });
    for (const bool training : {true, false}) {
      network->set_training(training);
      const Tensor logits = (*network)(Variable(images)).value();
      result.logits.insert(result.logits.end(), logits.span().begin(), logits.span().end());
    }
  } catch (const std::runtime_error& error) {
    result.refusal = error.what();
  }
  return result;
}

bool is_ignored(const Listed& listed) {
  // Listed in attributes.h, each with its reason.
  static const std::set<std::pair<std::string, std::string>> table{
      {"Cast", "round_mode"},
      {"Cast", "saturate"},
      {"Dropout", "seed"},
      {"GroupNormalization", "stash_type"},
      {"LayerNormalization", "stash_type"},
      {"MaxPool", "storage_order"},
      {"QuantizeLinear", "saturate"},
      {"Resize", "cubic_coeff_a"},
      {"Resize", "exclude_outside"},
      {"Resize", "extrapolation_value"}};
  return table.contains({listed.op, listed.attribute});
}

}  // namespace

TEST_CASE("onnx attributes: each one in ONNX's schemas is read") {
  for (const Listed& listed : listed_attributes()) {
    CAPTURE(listed.op);
    CAPTURE(listed.attribute);
    const OnnxNode node{.op = listed.op, .inputs = {}, .output = "y", .attributes = {}};
    AttributeReader reader(node);
    find_operator(listed.op)->read(reader);
    CHECK(std::ranges::count(reader.names(), listed.attribute) == 1);
  }
}

TEST_CASE("onnx attributes: each changes the network's output, or is rejected") {
  std::set<std::string> seen;
  for (const Listed& listed : listed_attributes()) {
    if (is_ignored(listed)) continue;
    CAPTURE(listed.op);
    CAPTURE(listed.attribute);
    CAPTURE(listed.opset);
    REQUIRE(makes().contains(listed.op));
    const Make& make = makes().at(listed.op);
    GraphMaker plain(listed.opset), changed(listed.opset);
    make(plain, {});
    make(changed, {{listed.attribute, unusual_value(listed)}});
    const Outcome without = outcome(plain.model), with_it = outcome(changed.model);
    CAPTURE(without.refusal);
    CHECK_FALSE(without == with_it);
    seen.insert(listed.op);
  }
  CHECK(seen.size() == makes().size());
}

TEST_CASE("onnx attributes: unknown ones, or of another type, are rejected") {
  const auto refusal_of = [](const std::string& name, OnnxAttribute value) {
    GraphMaker g;
    makes().at("Conv")(g, {{name, std::move(value)}});
    return outcome(g.model).refusal;
  };
  CHECK(refusal_of("groups", std::int64_t{3}) ==
        "net.onnx: node 'n_Conv_0' (Conv): attribute groups: not supported for this operator "
        "(supported: auto_pad, dilations, kernel_shape, pads, strides, group)");
  CHECK(refusal_of("group", 3.0f) ==
        "net.onnx: node 'n_Conv_0' (Conv): attribute group: expected an integer, got another type");
  CHECK(refusal_of("pads", OnnxOther{"STRINGS"}) ==
        "net.onnx: node 'n_Conv_0' (Conv): attribute pads: expected a list of integers, got "
        "another type");
}
