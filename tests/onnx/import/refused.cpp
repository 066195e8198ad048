// Graphs that are rejected, and their messages.

#include <doctest/doctest.h>

#include <stdexcept>

#include "onnx/import/graph.h"

using namespace quench;

namespace {

using Ints = std::vector<std::int64_t>;

std::string refusal(const quench::onnx::OnnxModel& model) {
  try {
    quench::onnx::build(model);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

}  // namespace

TEST_CASE("onnx network: every operator and reason once, with how many nodes") {
  const std::string advice =
      "quench does not support this operator (docs/onnx.md lists the supported ones); to remove "
      "steps before or after the network, use onnx.utils.extract_model(from, to, [input], "
      "[output])";
  quench::onnx::GraphMaker g;
  const std::string first = g.node("Einsum", {g.conv("images", 3, 5)});
  CHECK(refusal(g.classify_image(first, 5)) == "net.onnx: node 'n_Einsum_1' (Einsum): " + advice);
  quench::onnx::GraphMaker several;
  // Nodes that read unknown values cannot be checked; all faults of other nodes are reported.
  std::string x = several.node("Einsum", {several.conv("images", 3, 5)});
  x = several.node("Flatten", {several.node("Einsum", {x})}, {{"axis", std::int64_t{2}}});
  x = several.node("com.acme.Magic", {x, several.node("Loop", {"images"})});
  const auto flat = [&](const std::string& of) {
    return several.node("Flatten", {of}, {{"axis", std::int64_t{2}}});
  };
  const std::string a = flat("images"), b = flat("images"),
                    c = several.node("Conv", {"images", several.drawn({2, 4, 1, 1})}),
                    d = several.node("Relu", {"images"}, {{"alpha", 1.0f}});
  x = several.node("Concat", {x, a, b, c, d}, {{"axis", std::int64_t{1}}});
  CHECK(refusal(several.classify(x, 5)) ==
        "net.onnx: 8 unsupported nodes:\n"
        "  Einsum: 2 nodes (first: 'n_Einsum_1'): " +
            advice +
            "\n  Loop: node 'n_Loop_4': control flow is not supported; export the network for a "
            "fixed image size, without branches that depend on it\n"
            "  com.acme.Magic: node 'n_com.acme.Magic_5': not a standard ONNX operator; if the "
            "file defines it as a function, onnx.inliner.inline_local_functions(model) expands it\n"
            "  Relu: node 'n_Relu_9': attribute alpha: not supported for this operator (supported: "
            "none)\n"
            "  Flatten: 2 nodes (first: 'n_Flatten_6'): axis: expected only the batch before it, "
            "got 2 of [N, 3, 9, 8]\n"
            "  Conv: node 'n_Conv_8': 'c2': expected a weight [O, 3 / 1, KH, KW] with O divisible "
            "by 1, got [2, 4, 1, 1]");
}

TEST_CASE("onnx network: of many reasons the first ones, and the number of others") {
  quench::onnx::GraphMaker g;
  std::vector<std::string> parts;
  for (int i = 0; i < 300; ++i)
    parts.push_back(g.node("com.acme.Magic" + std::to_string(i), {"images"}));
  const std::string message = refusal(g.classify_image(g.node("Sum", parts), 3));
  CHECK(message.starts_with("net.onnx: 300 unsupported nodes:\n  com.acme.Magic0: node "));
  CHECK(message.ends_with(" more"));
  CHECK(message.size() < 1100);
}

TEST_CASE("onnx network: outputs other than logits are rejected with a remedy") {
  quench::onnx::GraphMaker g;
  CHECK(contains(
      refusal(g.finish(g.node("Flatten", {g.conv("images", 3, 5)}))),
      "net.onnx: output 'Flatten_1': expected one value per class, got [N, 210], the pixels of 5 "
      "channels in one row; the graph must end with a linear layer or a GlobalAveragePool"));
  quench::onnx::GraphMaker looked_up;
  std::string x = looked_up.node("Cast", {"images"}, {{"to", std::int64_t{7}}});
  x = looked_up.node("Add", {x, looked_up.integers({1, 3, 1, 1}, {0, 2, 4})});
  x = looked_up.node("Gather", {looked_up.drawn({6}), x});
  CHECK(contains(refusal(looked_up.classify_image(x, 3)),
                 "node 'n_Cast_0' (Cast): its integers index a table"));
}

TEST_CASE("onnx network: open sizes other than the batch are rejected with a remedy") {
  quench::onnx::GraphMaker g;
  g.classify_image(g.conv("images", 3, 5), 5);
  g.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 3, quench::onnx::OnnxValue::kAnySize, 8};
  g.model.input.dim_names = {"batch", "", "height", ""};
  std::string message;
  try {
    quench::onnx::onnx_model_input(g.model, "net.onnx");
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(contains(
      message,
      "net.onnx: input 'images': expected a size for every dim except the batch, got [batch, 3, "
      "height, 8]; use a data set that defines them (CONFIG --set model.onnx=net.onnx)"));
  // Which it does.
  CHECK(refusal(g.model) == "");
}

TEST_CASE("onnx network: images and classes have to be those of the data") {
  quench::onnx::GraphMaker g;
  g.classify_image(g.conv("images", 3, 5), 5);
  quench::onnx::OnnxModel other = g.model;
  other.input.dims = {1, 3, 32, 32};
  CHECK(contains(refusal(other),
                 "takes images [1, 3, 32, 32], but the data has images [N, 3, 9, 8]"));
  other = g.model;
  other.nodes.pop_back();
  other.output.name = other.nodes.back().output;
  CHECK(contains(refusal(other), "output 'Flatten_2': expected the 4 classes of the data, got 5"));
}

TEST_CASE("onnx network: the error names the node that does not fit") {
  const auto with = [](auto change) {
    quench::onnx::GraphMaker g;
    return refusal(g.classify_image(change(g, g.conv("images", 3, 5)), 5));
  };
  CHECK(contains(
      with([](quench::onnx::GraphMaker& g, const std::string& x) { return g.conv(x, 4, 5); }),
      "net.onnx: node 'n_Conv_1' (Conv): 'c2': expected a weight [O, 5 / 1, KH, KW] with O "
      "divisible by 1, got [5, 4, 3, 3]"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Conv", {x, g.drawn({5, 5, 3})});
                 }),
                 "expected a weight [O, I/groups, KH, KW], got [5, 5, 3]"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Conv", {x, x});
                 }),
                 "expected input 2 ('Conv_0') to be a constant"));
  CHECK(contains(
      with([](quench::onnx::GraphMaker& g, const std::string& x) { return g.conv(x, 5, 5, 9); }),
      "expected a window no larger than the padded image, got 9 over 7"));
  CHECK(contains(
      with([](quench::onnx::GraphMaker& g, const std::string& x) {
        return g.node("MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{2, 2}}});
      }),
      "dilations: expected [1, 1], got [2, 2]"));
  CHECK(contains(
      with([](quench::onnx::GraphMaker& g, const std::string& x) {
        return g.node("Reshape", {x, g.integers({5}, {0, 5, 1, 7, 6})});
      }),
      "n_GlobalAveragePool_2' (GlobalAveragePool): expected an input [N, C, H, W] or [N, C, "
      "L], got [N, 5, 1, 7, 6]"));
  CHECK(contains(
      with([](quench::onnx::GraphMaker& g, const std::string& x) {
        const std::string twice = g.node("Mul", {g.node("Shape", {x}), g.integers({}, {2})});
        return g.node("Reshape", {x, twice});
      }),
      "expected sizes that equal the number of images or do not depend on it, got 2 for 1 image "
      "and 60060 for 30030"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Squeeze", {x, g.integers({1}, {0})});
                 }),
                 "axes: expected axes of size 1 after the batch, got 0 of [N, 5, 7, 6]"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Squeeze", {g.node("GlobalAveragePool", {g.conv(x, 5, 1)})});
                 }),
                 "axes: expected at least one axis to remain after the batch, got [N, 1, 1, 1]"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Flatten", {x}, {{"axis", std::int64_t{2}}});
                 }),
                 "axis: expected only the batch before it, got 2 of [N, 5, 7, 6]"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Add", {x, "images"});
                 }),
                 "expected two inputs of one shape, got [N, 5, 7, 6] and [N, 3, 9, 8]"));
  CHECK(contains(
      with([](quench::onnx::GraphMaker& g, const std::string& x) {
        return g.node("Add", {x, g.drawn({7, 6})});
      }),
      "expected one value, or one for each of the 5 channels of [N, 5, 7, 6], got [7, 6]"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Relu", {g.node("Softmax", {g.node("GlobalAveragePool", {x})},
                                                 {{"axis", std::int64_t{1}}})});
                 }),
                 "expected Softmax at the end of the network"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("Pad", {x, g.integers({8}, {0, 0, -4, 0, 0, 0, -3, 0})});
                 }),
                 "pads: expected a nonempty part of [N, 5, 7, 6], got top -4"));
  CHECK(contains(with([](quench::onnx::GraphMaker& g, const std::string& x) {
                   return g.node("ReduceMean", {x}, {{"axes", Ints{0}}});
                 }),
                 "axes: expected axes after the batch, got [0]"));
}

TEST_CASE("onnx network: absurd sizes are rejected before memory is allocated") {
  quench::onnx::GraphMaker g;
  std::string x = g.conv("images", 3, 5);
  for (int i = 0; i < 40; ++i) x = g.node("Concat", {x, x}, {{"axis", std::int64_t{1}}});
  CHECK(contains(refusal(g.classify_image(x, 5)),
                 "values for one image: expected at least 1 and at most"));
  quench::onnx::GraphMaker wide;
  x = wide.node("Pad",
                {"images", wide.integers({8}, {0, 0, 1000000, 1000000, 0, 0, 1000000, 1000000})});
  CHECK(contains(refusal(wide.classify_image(wide.node("Relu", {x}), 3)), "values for one image"));
}

TEST_CASE("onnx network: the error for an unsupported quantizer names the reason") {
  const auto quantized = [](const std::vector<float>& scale, float other) {
    quench::onnx::GraphMaker g;
    const std::string codes =
        g.node("QuantizeLinear", {"images", g.floats({std::ssize(scale)}, scale)});
    const std::string x = g.node("DequantizeLinear", {codes, g.floats({}, {other})});
    return refusal(g.classify_image(x, 3));
  };
  CHECK(
      contains(quantized({0.1f, 0.2f, 0.1f}, 0.1f), "expected one value for an activation, got 3"));
  CHECK(contains(quantized({0.1f}, 0.2f),
                 "expected the scale 0.1 and zero point 0 of the QuantizeLinear before it, got 0.2 "
                 "and 0"));
  CHECK(contains(quantized({0.0f}, 0.1f), "expected finite values > 0, got 0"));
}

TEST_CASE("onnx network: only a DequantizeLinear may read codes") {
  quench::onnx::GraphMaker g;
  const std::string codes = g.node("QuantizeLinear", {"images", g.floats({}, {0.1f})});
  CHECK(contains(refusal(g.classify_image(codes, 3)),
                 "expected float32 values, got 'QuantizeLinear_0', codes of a QuantizeLinear"));
}

TEST_CASE("onnx network: scales of a weight are along its output channels") {
  quench::onnx::GraphMaker g;
  const quench::onnx::OnnxAttributes axis{{"axis", std::int64_t{1}}};
  const std::string scale = g.floats({3}, {0.1f, 0.2f, 0.3f});
  const std::string codes = g.node("QuantizeLinear", {g.drawn({6, 3, 3, 3}), scale}, axis);
  const std::string weight = g.node("DequantizeLinear", {codes, scale}, axis);
  CHECK(
      contains(refusal(g.classify_image(g.node("Conv", {"images", weight}), 6)),
               "expected one scale, or one for each output channel (axis 0), got 3 along axis 1"));
}
