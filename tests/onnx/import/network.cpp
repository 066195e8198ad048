#include "onnx/import/network.h"

#include <doctest/doctest.h>

#include <limits>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/loss.h"
#include "layers/quantized_layer.h"
#include "layers/shape_layers.h"
#include "onnx/import/graph.h"

using namespace quench;

namespace {

using Ints = std::vector<std::int64_t>;

template <typename M>
std::int64_t count(layers::Module& network) {
  std::int64_t result = 0;
  for (const auto& [name, module] : network.modules())
    if (dynamic_cast<M*>(module) != nullptr) ++result;
  return result;
}

}  // namespace

TEST_CASE("onnx network: convolutions of every form") {
  quench::onnx::GraphMaker g;
  std::string x = g.conv("images", 3, 6, 3, {{"pads", Ints{1, 0, 2, 1}}, {"strides", Ints{1, 2}}});
  x = g.node("Relu", {x});
  x = g.node("Conv", {x, g.drawn({6, 2, 3, 3})},
             {{"group", std::int64_t{3}}, {"pads", Ints{2, 2, 2, 2}}, {"dilations", Ints{2, 2}}});
  x = g.node("LeakyRelu", {x}, {{"alpha", 0.2f}});
  x = g.node("Conv", {x, g.drawn({6, 1, 3, 2}), g.drawn({6})}, {{"group", std::int64_t{6}}});
  quench::onnx::check_network(g.classify_image(x, 6));
}

TEST_CASE("onnx network: auto_pad puts the odd pixel on the right side") {
  for (const char* pad : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    CAPTURE(pad);
    quench::onnx::GraphMaker g;
    const quench::onnx::OnnxAttributes attributes{{"auto_pad", std::string(pad)},
                                                  {"strides", Ints{2, 2}}};
    const std::string x = g.conv("images", 3, 5, 4, attributes);
    quench::onnx::OnnxAttributes window = attributes;
    window["kernel_shape"] = Ints{2, 2};
    quench::onnx::check_network(g.classify_image(g.node("MaxPool", {x}, window), 5));
  }
}

TEST_CASE(
    "onnx network: a Pad becomes part of the next convolution, or a module before other nodes") {
  for (const std::int64_t opset : {10, 13}) {
    quench::onnx::GraphMaker g(opset);
    const Ints pads{0, 0, 1, 0, 0, 0, 2, 1};
    const auto padded = [&](const std::string& x) {
      return opset < 11 ? g.node("Pad", {x}, {{"pads", pads}, {"value", 0.0f}})
                        : g.node("Pad", {x, g.integers({8}, pads), g.floats({}, {0.0f})});
    };
    std::string x = g.conv(padded("images"), 3, 4);
    const quench::onnx::OnnxNetworkOptions options;
    CHECK(count<layers::Pad>(*quench::onnx::build(quench::onnx::GraphMaker(g).classify_image(x, 4),
                                                  options)) == 0);
    x = g.node("MaxPool", {padded(x)}, {{"kernel_shape", Ints{2, 2}}});
    quench::onnx::check_network(g.classify_image(x, 4));
    CHECK(count<layers::Pad>(*quench::onnx::build(g.model)) == 1);
  }
}

TEST_CASE("onnx network: channels are padded with zeros, too") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Pad", {"images", g.integers({8}, {0, 1, 0, 0, 0, 2, 0, 0})});
  quench::onnx::check_network(g.classify_image(g.conv(x, 6, 4), 4));
}

TEST_CASE("onnx network: strided slices, the shortcut of He et al.'s option A") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 4);
  const std::string all = g.integers({2}, {std::int64_t{1} << 62, 6});
  const std::string rows = g.node(
      "Slice", {x, g.integers({2}, {0, 0}), all, g.integers({2}, {2, 3}), g.integers({2}, {2, 3})});
  quench::onnx::check_network(g.classify(g.node("Flatten", {rows}), 4 * 4 * 2));
}

TEST_CASE("onnx network: pools with padding, ceil_mode and count_include_pad") {
  const quench::onnx::OnnxAttributes window{{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}};
  const auto with = [&](quench::onnx::OnnxAttributes more) {
    more.insert(window.begin(), window.end());
    return more;
  };
  struct Case {
    quench::onnx::OnnxAttributes attributes;
    std::int64_t pixels;  // of the output; 7 x 6 go in
  };
  const std::vector<Case> cases{
      {window, 3 * 2},
      {with({{"pads", Ints{1, 1, 1, 1}}}), 4 * 3},
      {with({{"pads", Ints{0, 1, 2, 0}}}), 4 * 3},
      {with({{"ceil_mode", std::int64_t{1}}}), 3 * 3},
      {with({{"pads", Ints{1, 1, 1, 1}}, {"ceil_mode", std::int64_t{1}}}), 4 * 4}};
  for (const auto& [attributes, pixels] : cases) {
    CAPTURE(pixels);
    for (const std::string op : {"MaxPool", "AveragePool"}) {
      CAPTURE(op);
      quench::onnx::GraphMaker g;
      const std::string x = g.node(op, {g.conv("images", 3, 4)}, attributes);
      quench::onnx::check_network(g.classify(g.node("Flatten", {x}), 4 * pixels));
    }
  }
  quench::onnx::GraphMaker g;
  const std::string x =
      g.node("AveragePool", {g.conv("images", 3, 4)},
             with({{"pads", Ints{1, 1, 1, 1}}, {"count_include_pad", std::int64_t{1}}}));
  quench::onnx::check_network(g.classify_image(x, 4));
}

TEST_CASE("onnx network: a flattened image has the order of its weights") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Flatten", {g.conv("images", 3, 5)});
  const std::string norm = g.batch_norm(x, 5 * 7 * 6);
  const std::string shifted = g.node("Add", {g.drawn({5 * 7 * 6}), norm});
  quench::onnx::check_network(g.classify(g.node("Relu", {shifted}), 5 * 7 * 6));
}

TEST_CASE("onnx network: flattened branches are joined, each in its order") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 5);
  const std::string a = g.node("Flatten", {x});
  const std::string b = g.node("Flatten", {g.node("GlobalAveragePool", {x})});
  const std::string c = g.node("Flatten", {g.conv(x, 5, 2)});
  const std::string joined = g.node("Concat", {a, b, c}, {{"axis", std::int64_t{-1}}});
  quench::onnx::check_network(g.classify(joined, 5 * 7 * 6 + 5 + 2 * 5 * 4));
}

TEST_CASE("onnx network: channels last in the file, as in TensorFlow") {
  quench::onnx::GraphMaker g;
  g.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 9, 8, 3};
  std::string x = g.node("Transpose", {"images"}, {{"perm", Ints{0, 3, 1, 2}}});
  x = g.node("Transpose", {g.conv(x, 3, 5)}, {{"perm", Ints{0, 2, 3, 1}}});
  x = g.node("Mul", {x, g.drawn({5})});
  x = g.node("Add", {x, g.drawn({1, 1, 1, 5})});
  const std::string mean =
      g.node("ReduceMean", {x}, {{"axes", Ints{1, 2}}, {"keepdims", std::int64_t{0}}});
  const std::string joined = g.node("Concat", {x, x}, {{"axis", std::int64_t{3}}});
  const std::string flat = g.node("Reshape", {joined, g.integers({2}, {-1, 2 * 7 * 6 * 5})});
  const std::string all = g.node("Concat", {flat, mean}, {{"axis", std::int64_t{1}}});
  quench::onnx::check_network(g.classify(all, 2 * 7 * 6 * 5 + 5));
}

TEST_CASE(
    "onnx network: Relu and Clip join the node that only they read, others are layers or "
    "functions") {
  quench::onnx::GraphMaker g;
  std::string x = g.batch_norm(g.conv("images", 3, 5), 5);
  x = g.node("Relu", {x});
  x = g.batch_norm(g.conv(x, 5, 5), 5);
  x = g.node("Clip", {x, g.floats({}, {0.0f}), g.floats({}, {6.0f})});
  x = g.node("Clip", {g.conv(x, 5, 5), "", g.floats({}, {0.75f})});
  quench::onnx::check_network(g.classify_image(x, 5));
  const auto network = quench::onnx::build(g.model);
  CHECK(count<layers::ActivationLayer>(*network) == 0);
  std::vector<Activation> activations;
  for (const layers::BatchNorm* norm : layers::batch_norms(*network))
    activations.push_back(norm->params().activation);
  CHECK(activations == std::vector{Activation::relu, Activation::relu6});
}

TEST_CASE("onnx network: an activation next to another reader stays separate") {
  quench::onnx::GraphMaker g;
  const std::string x = g.batch_norm(g.conv("images", 3, 5), 5);
  const std::string y = g.node("Add", {g.node("Relu", {x}), x});
  quench::onnx::check_network(g.classify_image(y, 5));
  CHECK(count<layers::ActivationLayer>(*quench::onnx::build(g.model)) == 1);
}

TEST_CASE("onnx network: residual sums, squeeze-and-excitation, dense blocks") {
  quench::onnx::GraphMaker g;
  std::string x = g.conv("images", 3, 6);
  x = g.node("Relu", {g.node("Add", {x, g.conv(x, 6, 6, 1)})});
  std::string s = g.node("GlobalAveragePool", {x});
  s = g.node("HardSigmoid", {g.conv(g.node("Relu", {g.conv(s, 6, 2, 1)}), 2, 6, 1)},
             {{"alpha", 1.0f / 6.0f}});
  x = g.node("Mul", {s, x});
  std::string squeezed =
      g.node("Reshape", {g.node("GlobalAveragePool", {x}), g.integers({2}, {0, -1})});
  squeezed = g.node("Sigmoid", {g.node("MatMul", {squeezed, g.drawn({6, 6})})});
  x = g.node("Mul", {x, g.node("Reshape", {squeezed, g.integers({4}, {-1, 6, 1, 1})})});
  const std::string y = g.conv(g.node("HardSwish", {g.batch_norm(x, 6)}), 6, 2, 1);
  x = g.node("Concat", {x, y}, {{"axis", std::int64_t{1}}});
  quench::onnx::check_network(g.classify_image(g.node("Relu", {g.batch_norm(x, 8)}), 8));
}

TEST_CASE("onnx network: added constants become a bias if the layer has none") {
  quench::onnx::GraphMaker g;
  std::string x =
      g.node("Div", {g.node("Sub", {"images", g.drawn({1, 3, 1, 1})}), g.floats({}, {0.7f})});
  x = g.node("Add", {g.node("Conv", {x, g.drawn({5, 3, 3, 3})}), g.drawn({5, 1, 1})});
  x = g.node("Flatten", {g.node("GlobalAveragePool", {x})});
  x = g.node("Relu", {g.node("Add", {g.node("MatMul", {x, g.drawn({5, 6})}), g.drawn({6})})});
  quench::onnx::check_network(g.classify(x, 6));
  const auto network = quench::onnx::build(g.model);
  CHECK(count<layers::ScaleShift>(*network) == 2);
  for (layers::QuantizedLayer* layer : network->quantized_layers()) CHECK(layer->bias().defined());
}

TEST_CASE("onnx network: sizes computed in the graph, as exported for views") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 5);
  const std::string batch =
      g.node("Unsqueeze",
             {g.node("Gather", {g.node("Shape", {x}), g.integers({}, {0})}), g.integers({1}, {0})});
  const std::string shape =
      g.node("Concat", {batch, g.integers({1}, {-1})}, {{"axis", std::int64_t{0}}});
  quench::onnx::check_network(g.classify(g.node("Reshape", {x, shape}), 5 * 7 * 6));
}

TEST_CASE("onnx network: zero channels, in the form that PyTorch exports F.pad") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 4);
  // Last axis first, both sides; zeros for the axes that F.pad does not change; then reversed.
  const quench::onnx::OnnxTensor zero{
      .type = quench::onnx::OnnxType::s64, .dims = {1}, .bytes = std::vector<std::byte>(8)};
  const std::string none = g.node("ConstantOfShape", {g.integers({1}, {2})}, {{"value", zero}});
  std::string pads =
      g.node("Concat", {g.integers({6}, {0, 0, 0, 0, 1, 2}), none}, {{"axis", std::int64_t{0}}});
  pads = g.node("Reshape", {pads, g.integers({2}, {-1, 2})});
  constexpr std::int64_t kBegin = std::numeric_limits<std::int64_t>::min() + 1;
  pads = g.node("Slice", {pads, g.integers({1}, {-1}), g.integers({1}, {kBegin}),
                          g.integers({1}, {0}), g.integers({1}, {-1})});
  pads = g.node("Reshape",
                {g.node("Transpose", {pads}, {{"perm", Ints{1, 0}}}), g.integers({1}, {-1})});
  const std::string padded = g.node("Pad", {x, g.node("Cast", {pads}, {{"to", std::int64_t{7}}})});
  g.classify_image(padded, 7);
  const auto network = quench::onnx::build(g.model);
  for (const auto& [name, module] : network->modules()) {
    if (const auto* pad = dynamic_cast<const layers::Pad*>(module))
      CHECK(pad->sizes() == layers::PadSizes{.channels_before = 1, .channels_after = 2});
  }
  CHECK(count<layers::Pad>(*network) == 1);
}

TEST_CASE("onnx network: a matrix that is transposed in the graph") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Flatten", {g.conv("images", 3, 5)});
  const std::string matrix = g.node("Transpose", {g.drawn({4, 5 * 7 * 6})}, {{"perm", Ints{1, 0}}});
  quench::onnx::check_network(g.finish(g.node("MatMul", {x, matrix})));
}

TEST_CASE("onnx network: Squeeze and Unsqueeze around one pixel, Identity, Cast, Dropout") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("Identity", {g.node("GlobalAveragePool", {g.conv("images", 3, 5)})});
  x = g.node("Squeeze", {x, g.integers({2}, {2, 3})});
  x = g.node("Unsqueeze", {x, g.integers({2}, {-1, -2})});
  x = g.node("Dropout", {g.conv(x, 5, 6, 1), g.floats({}, {0.25f})});
  x = g.node("Cast", {g.node("Squeeze", {x, g.integers({2}, {2, 3})})}, {{"to", std::int64_t{1}}});
  quench::onnx::check_network(g.classify(x, 6));
}

TEST_CASE("onnx network: Gemm with factors, and a matrix that is not transposed") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Flatten", {g.conv("images", 3, 5)});
  quench::onnx::check_network(g.finish(g.node("Gemm", {x, g.drawn({5 * 7 * 6, 4}), g.drawn({1, 4})},
                                              {{"alpha", 0.5f}, {"beta", 2.0f}})));
}

TEST_CASE("onnx network: elementwise functions") {
  for (const char* op : {"Elu", "Selu", "Tanh", "Softplus", "Erf", "Exp", "Floor", "Neg", "Mish",
                         "Gelu", "Sigmoid", "HardSwish"}) {
    CAPTURE(op);
    quench::onnx::GraphMaker g(20);
    const std::string x = g.node(op, {g.conv("images", 3, 5)});
    quench::onnx::check_network(g.classify_image(x, 5));
  }
  quench::onnx::GraphMaker g(20);
  std::string x = g.node("Elu", {g.conv("images", 3, 5)}, {{"alpha", 0.3f}});
  x = g.node("Selu", {x}, {{"alpha", 0.5f}, {"gamma", 2.0f}});
  x = g.node("Gelu", {x}, {{"approximate", std::string("tanh")}});
  x = g.node("Sqrt", {g.node("Relu", {x})});
  x = g.node("Pow", {g.node("Pow", {x, g.floats({}, {2.0f})}), g.floats({1}, {0.5f})});
  quench::onnx::check_network(g.classify_image(x, 5));
}

TEST_CASE("onnx network: a PRelu's slopes are trained, one for all or one per channel") {
  for (const std::vector<std::int64_t>& dims : {Ints{5, 1, 1}, Ints{1}, Ints{1, 5, 1, 1}}) {
    quench::onnx::GraphMaker g;
    quench::onnx::check_network(
        g.classify_image(g.node("PRelu", {g.conv("images", 3, 5), g.drawn(dims)}), 5));
    const auto network = quench::onnx::build(g.model);
    CHECK(count<layers::PRelu>(*network) == 1);
    CHECK(network->parameters()[2].name == "n_PRelu_1.slope");
    const auto fresh = quench::onnx::build(g.model, {.random_weights = true});
    CHECK(fresh->parameters()[2].value.value().span()[0] == 0.25f);
  }
}

TEST_CASE("onnx network: differences, sums of several, the largest and the smallest") {
  quench::onnx::GraphMaker g;
  const std::string a = g.conv("images", 3, 5), b = g.conv("images", 3, 5),
                    c = g.conv("images", 3, 5);
  std::string x = g.node("Relu", {g.node("Sub", {a, b})});
  x = g.node("Sum", {x, b, c, g.node("Sum", {a})});
  x = g.node("Max", {g.node("Max", {x, a, b}), g.floats({}, {-0.25f})});
  x = g.node("Min", {g.node("Min", {c, x}), g.floats({1}, {0.5f})});
  x = g.node("Sub", {g.drawn({5, 1, 1}), x});
  x = g.node("Max", {g.floats({}, {0.0f}), x});
  x = g.node("Min", {x, a, g.floats({}, {0.4f})});
  quench::onnx::check_network(g.classify_image(x, 5));
  const auto network = quench::onnx::build(g.model);
  CHECK(count<layers::Extremum>(*network) == 3);
  CHECK(count<layers::ActivationLayer>(*network) ==
        1);  // the Max with 0; a Relu is part of the difference
}

TEST_CASE("onnx network: a mean image is subtracted, in either layout") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Sub", {"images", g.drawn({1, 3, 9, 8})});
  quench::onnx::check_network(g.classify_image(g.conv(x, 3, 5), 5));
  quench::onnx::GraphMaker last;
  last.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 9, 8, 3};
  std::string y = last.node("Add", {"images", last.drawn({9, 8, 3})});
  y = last.node("Transpose", {y}, {{"perm", Ints{0, 3, 1, 2}}});
  quench::onnx::check_network(last.classify_image(last.conv(y, 3, 5), 5));
}

TEST_CASE("onnx network: channels are sliced, in either layout and direction") {
  const auto list = [](quench::onnx::GraphMaker& g, std::int64_t value) {
    return g.integers({1}, {value});
  };
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 6);
  const auto slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return g.node("Slice", {x, list(g, start), list(g, end), list(g, 1), list(g, step)});
  };
  constexpr std::int64_t kEnd = std::int64_t{1} << 40;
  const std::string parts = g.node("Concat",
                                   {slice(0, 2, 1), slice(2, kEnd, 1), slice(-3, -1, 1),
                                    slice(1, 6, 2), slice(-1, -kEnd, -1), slice(4, 1, -2)},
                                   {{"axis", std::int64_t{1}}});
  quench::onnx::check_network(g.classify_image(parts, 2 + 4 + 2 + 3 + 6 + 2));

  quench::onnx::GraphMaker last;
  last.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 9, 8, 3};
  std::string y = last.node("Slice", {"images", list(last, 1), list(last, 3), list(last, 3)});
  y = last.node("Transpose", {y}, {{"perm", Ints{0, 3, 1, 2}}});
  quench::onnx::check_network(last.classify_image(last.conv(y, 2, 5), 5));
}

TEST_CASE("onnx network: rows and columns are cropped, by a Slice or a Pad with negative sizes") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 5);  // 7x6
  const auto slice = [&](const Ints& starts, const Ints& ends, const Ints& steps) {
    return g.node("Slice", {x, g.integers({2}, starts), g.integers({2}, ends),
                            g.integers({2}, {2, 3}), g.integers({2}, steps)});
  };
  const std::string a = slice({1, 0}, {-1, 5}, {1, 1});                                   // 5x5
  const std::string b = slice({1, 1}, {7, 6}, {2, 3});                                    // 3x2
  const std::string c = g.node("Pad", {x, g.integers({8}, {0, 0, -1, 1, 0, 0, 1, -2})});  // 7x5
  const std::string joined =
      g.node("Concat", {g.node("Flatten", {a}), g.node("Flatten", {b}), g.node("Flatten", {c})},
             {{"axis", std::int64_t{1}}});
  quench::onnx::check_network(g.classify(joined, 5 * (25 + 6 + 35)));
}

TEST_CASE("onnx network: a matrix product per pixel, as in ConvNeXt, is a convolution") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("Transpose", {g.conv("images", 3, 5)}, {{"perm", Ints{0, 2, 3, 1}}});
  x = g.node("Add", {g.drawn({6}), g.node("MatMul", {x, g.drawn({5, 6})})});
  x = g.node("Mul", {x, g.drawn({6})});
  x = g.node("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}});
  quench::onnx::check_network(g.classify_image(x, 6));
  CHECK(count<layers::Conv2d>(*quench::onnx::build(g.model)) == 2);
}

TEST_CASE("onnx network: channels, rows and columns in one Slice; features too") {
  quench::onnx::GraphMaker g;
  const Ints axes{1, 2, 3}, starts{1, 0, 0}, ends{4, 7, 6}, steps{1, 2, 3};
  std::string x =
      g.node("Slice", {g.conv("images", 3, 5), g.integers({3}, starts), g.integers({3}, ends),
                       g.integers({3}, axes), g.integers({3}, steps)});
  x = g.node("Flatten", {g.node("GlobalAveragePool", {x})});
  x = g.node("Slice", {x, g.integers({1}, {1}), g.integers({1}, {3}), g.integers({1}, {1})});
  quench::onnx::check_network(g.classify(x, 2));
}

TEST_CASE("onnx network: a split into parts, given by attributes or inputs") {
  for (const std::int64_t opset : {11, 13, 18}) {
    CAPTURE(opset);
    quench::onnx::GraphMaker g(opset);
    const std::string x = g.conv("images", 3, 7);
    quench::onnx::OnnxAttributes attributes{{"axis", std::int64_t{1}}};
    std::vector<std::string> inputs{x};
    std::vector<std::string> parts;
    if (opset == 11) attributes["split"] = Ints{2, 4, 1};
    if (opset == 13) inputs.push_back(g.integers({3}, {2, 4, 1}));
    if (opset == 18) attributes["num_outputs"] = std::int64_t{3};
    parts = g.split(inputs, 3, attributes);
    const std::int64_t second = opset == 18 ? 3 : 4;
    const std::string y =
        g.node("Concat", {parts[2], g.conv(parts[1], second, 5, 1)}, {{"axis", std::int64_t{1}}});
    quench::onnx::check_network(g.classify_image(y, 6));
  }
}

TEST_CASE("onnx network: parts of a concatenation, upsampled to computed sizes") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 4);
  const std::string both = g.node("Concat", {x, g.conv(x, 4, 4, 1)}, {{"axis", std::int64_t{1}}});
  const std::string part =
      g.split({both, g.integers({2}, {3, 5})}, 2, {{"axis", std::int64_t{1}}})[1];
  const std::string size = g.node("Mul", {g.node("Shape", {part}), g.integers({4}, {1, 1, 2, 2})});
  const std::string y = g.node("Resize", {part, "", "", size},
                               {{"nearest_mode", std::string("floor")},
                                {"coordinate_transformation_mode", std::string("asymmetric")}});
  quench::onnx::check_network(g.classify_image(g.conv(y, 5, 4), 4));
}

TEST_CASE("onnx network: channels by a list of indices, some repeated") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 5);
  const std::string picked =
      g.node("Gather", {x, g.integers({4}, {3, -1, 0, 3})}, {{"axis", std::int64_t{1}}});
  quench::onnx::check_network(g.classify_image(picked, 4));
}

TEST_CASE("onnx network: the maximum of each image, windows of any size") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Flatten", {g.node("GlobalMaxPool", {g.conv("images", 3, 5)})});
  quench::onnx::check_network(g.classify(x, 5));
}

TEST_CASE("onnx network: means, sums and maxima over rows and columns, in sequence") {
  const auto reduced = [](const std::string& op, const Ints& axes, std::int64_t keep) {
    return [=](quench::onnx::GraphMaker& g, const std::string& x) {
      return g.node(op, {x}, {{"axes", axes}, {"keepdims", keep}});
    };
  };
  for (const char* op : {"ReduceMean", "ReduceSum", "ReduceMax"}) {
    CAPTURE(op);
    quench::onnx::GraphMaker g(11);
    const std::string x = g.conv("images", 3, 5);
    const std::string both = reduced(op, {2, -1}, 0)(g, x);
    const std::string each = reduced(op, {2}, 0)(g, reduced(op, {3}, 0)(g, x));
    const std::string kept = reduced(op, {-2}, 1)(g, reduced(op, {3}, 1)(g, x));
    const std::string viewed =
        reduced(op, {2}, 0)(g, g.node("Reshape", {x, g.integers({3}, {0, 5, -1})}));
    const std::string rows = g.node("Flatten", {reduced(op, {3}, 0)(g, x)});
    const std::string joined =
        g.node("Concat", {both, each, g.node("Flatten", {kept}), viewed, rows},
               {{"axis", std::int64_t{1}}});
    quench::onnx::check_network(g.classify(joined, 4 * 5 + 5 * 7));
  }
}

TEST_CASE("onnx network: a sum is a mean times a constant, which is not trained") {
  quench::onnx::GraphMaker g(11);
  const std::string x = g.node("ReduceSum", {g.conv("images", 3, 5)},
                               {{"axes", Ints{2, 3}}, {"keepdims", std::int64_t{0}}});
  g.classify(x, 5);
  const auto network = quench::onnx::build(g.model);
  CHECK(count<layers::ScaleShift>(*network) == 1);
  CHECK(network->parameters().size() == 4);
}

TEST_CASE("onnx network: the only element of an axis, selected by index") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("GlobalAveragePool", {g.conv("images", 3, 5)});
  x = g.node("Gather", {x, g.integers({}, {0})}, {{"axis", std::int64_t{3}}});
  x = g.node("Gather", {x, g.integers({}, {-1})}, {{"axis", std::int64_t{2}}});
  quench::onnx::check_network(g.classify(x, 5));
}

TEST_CASE("onnx network: factors and terms that are broadcast over positions") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 5);  // 7x6
  std::string gate = g.node("Sigmoid", {g.node("GlobalAveragePool", {x})});
  const std::string expanded = g.node("Expand", {gate, g.node("Shape", {x})});
  std::string y = g.node("Mul", {x, g.node("Identity", {expanded})});
  y = g.node("Add", {gate, y});
  y = g.node("Sub", {y, expanded});
  quench::onnx::check_network(g.classify_image(y, 5));
  const auto network = quench::onnx::build(g.model);
  CHECK(count<layers::Multiply>(*network) == 1);
  CHECK(count<layers::Upsample>(*network) == 2);  // of the sum and of the difference
  const std::string twice = g.node("Mul", {expanded, gate});
  quench::onnx::check_network(g.classify(g.node("Flatten", {g.conv(twice, 5, 2)}), 2 * 5 * 4));
}

TEST_CASE("onnx network: a channel shuffle as Reshape, Transpose and Reshape") {
  quench::onnx::GraphMaker g;
  std::string x = g.conv("images", 3, 6);  // 7x6
  const auto shuffle = [&](const Ints& split, const Ints& perm, const Ints& joined) {
    x = g.node("Reshape", {x, g.integers({std::ssize(split)}, split)});
    x = g.node("Transpose", {x}, {{"perm", perm}});
    x = g.node("Reshape", {x, g.integers({std::ssize(joined)}, joined)});
  };
  shuffle({-1, 2, 3, 7, 6}, {0, 2, 1, 3, 4}, {-1, 6, 7, 6});
  x = g.conv(x, 6, 6, 1);
  shuffle({0, 3, 2, 42}, {0, 2, 1, 3}, {0, 6, 7, 6});
  x = g.node("Transpose", {x}, {{"perm", Ints{0, 2, 3, 1}}});
  shuffle({0, 7, 6, 2, 3}, {0, 1, 2, 4, 3}, {0, 7, 6, 6});
  x = g.node("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}});
  quench::onnx::check_network(g.classify_image(g.conv(x, 6, 5), 5));
  CHECK(count<layers::SelectChannels>(*quench::onnx::build(g.model)) == 3);
}

TEST_CASE("onnx network: nearest-neighbour upsampling, in every form of Resize") {
  struct Case {
    const char *transformation, *nearest;
  };
  for (const auto& [transformation, nearest] :
       {Case{"asymmetric", "floor"}, Case{"half_pixel", "round_prefer_floor"},
        Case{"pytorch_half_pixel", "round_prefer_ceil"}}) {
    for (const bool sizes : {false, true}) {
      quench::onnx::GraphMaker g;
      const std::string x = g.conv("images", 3, 5);  // 7x6
      std::vector<std::string> inputs{x, "", g.floats({4}, {1.0f, 1.0f, 2.0f, 3.0f})};
      if (sizes) inputs = {x, "", "", g.integers({4}, {1, 5, 14, 18})};
      const std::string y = g.node("Resize", inputs,
                                   {{"coordinate_transformation_mode", std::string(transformation)},
                                    {"nearest_mode", std::string(nearest)}});
      const std::string z = g.node("MaxPool", {y}, {{"kernel_shape", Ints{3, 2}}});
      quench::onnx::check_network(g.classify(g.node("Flatten", {g.conv(z, 5, 2)}), 2 * 10 * 15));
    }
  }
}

TEST_CASE("onnx network: normalizations by the image") {
  for (const std::int64_t opset : {18, 21}) {
    quench::onnx::GraphMaker g(opset);
    std::string x = g.conv("images", 3, 6);
    x = g.node("LRN", {x}, {{"size", std::int64_t{4}}, {"alpha", 0.5f}, {"bias", 1.5f}});
    x = g.node("InstanceNormalization", {x, g.drawn({6}), g.drawn({6})}, {{"epsilon", 1e-3f}});
    const std::int64_t numbers = opset < 21 ? 3 : 6;
    x = g.node("GroupNormalization", {x, g.drawn({numbers}), g.drawn({numbers})},
               {{"num_groups", std::int64_t{3}}});
    x = g.node("Transpose", {x}, {{"perm", Ints{0, 2, 3, 1}}});
    x = g.node("LayerNormalization", {x, g.drawn({6}), g.drawn({6})});
    x = g.node("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}});
    quench::onnx::check_network(g.classify_image(g.conv(x, 6, 4), 4));
  }
}

TEST_CASE("onnx network: a final Softmax is dropped, so that the output is logits") {
  quench::onnx::GraphMaker g;
  g.classify_image(g.conv("images", 3, 5), 5);
  const quench::onnx::OnnxModel plain = g.model;
  g.finish(g.node("Softmax", {g.model.output.name}, {{"axis", std::int64_t{-1}}}));
  const Variable images(Tensor::full({1, 3, 9, 8}, 0.5f));
  const Tensor expected = (*quench::onnx::build(plain))(images).value(),
               logits = (*quench::onnx::build(g.model))(images).value();
  CHECK(std::ranges::equal(logits.span(), expected.span()));
}

TEST_CASE("onnx network: batch norms are folded on request") {
  quench::onnx::GraphMaker g;
  std::string x = g.batch_norm(g.node("Conv", {"images", g.drawn({5, 3, 3, 3})}), 5);
  x = g.batch_norm(g.conv(g.node("Relu", {x}), 5, 6), 6);
  x = g.node("Flatten", {g.node("GlobalAveragePool", {g.node("Relu", {x})})});
  x = g.batch_norm(g.node("MatMul", {x, g.drawn({6, 6})}), 6);
  const quench::onnx::OnnxNetworkOptions fold{.fold_batch_norm = true};
  quench::onnx::check_network(g.classify(x, 6), fold);
  CHECK(count<layers::BatchNorm>(*quench::onnx::build(g.model, fold)) == 0);
  CHECK(count<layers::BatchNorm>(*quench::onnx::build(g.model)) == 3);
}

TEST_CASE("onnx network: random weights come from the seed, not from the file") {
  quench::onnx::GraphMaker g;
  g.classify_image(g.batch_norm(g.conv("images", 3, 5), 5), 5);
  const auto network = quench::onnx::build(g.model, {.random_weights = true}),
             again = quench::onnx::build(g.model, {.random_weights = true});
  const auto parameters = network->parameters(), same = again->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    CHECK(std::ranges::equal(parameters[i].value.value().span(), same[i].value.value().span()));
  CHECK(layers::batch_norms(*network)[0]->gain().value().span()[0] == 1.0f);
  const auto from_file = quench::onnx::build(g.model);
  CHECK_FALSE(std::ranges::equal(parameters[0].value.value().span(),
                                 from_file->parameters()[0].value.value().span()));
}

TEST_CASE("onnx network: without weights, everything except their values is there") {
  quench::onnx::GraphMaker g;
  std::string x = g.batch_norm(g.conv("images", 3, 5), 5);
  x = g.node("Conv",
             {x, g.node("Transpose", {g.drawn({3, 3, 5, 6})}, {{"perm", Ints{3, 2, 0, 1}}})});
  g.classify_image(x, 6);
  const auto network = quench::onnx::build(g.model),
             shapes = quench::onnx::build(g.model, {.shapes_only = true});
  const auto expected = network->parameters(), parameters = shapes->parameters();
  REQUIRE(parameters.size() == expected.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    CHECK(parameters[i].name == expected[i].name);
    CHECK(parameters[i].value.shape() == expected[i].value.shape());
  }
}

TEST_CASE("onnx network: modules have the names of nodes, each once and without dots") {
  quench::onnx::GraphMaker g;
  std::string x = g.conv("images", 3, 5);
  g.model.nodes.back().name = "/layer1/layer1.0/conv1/Conv";
  x = g.conv(x, 5, 5);
  g.model.nodes.back().name = "/layer1/layer1.0/conv1/Conv";
  g.classify_image(x, 5);
  g.model.nodes.back().name = "";
  std::vector<std::string> names;
  const auto network = quench::onnx::build(g.model);
  for (layers::QuantizedLayer* layer : network->quantized_layers()) names.push_back(layer->name());
  CHECK(names == std::vector<std::string>{"layer1/layer1_0/conv1/Conv",
                                          "layer1/layer1_0/conv1/Conv_2", g.model.output.name});
}

TEST_CASE("onnx network: training reaches every parameter") {
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Relu", {g.batch_norm(g.conv("images", 3, 5), 5)});
  g.classify_image(g.node("Mul", {x, g.drawn({5, 1, 1})}), 5);
  const auto network = quench::onnx::build(g.model);
  network->set_training(true);
  Random random(5, "images");
  Tensor images({3, 3, 9, 8});
  std::ranges::generate(images.span(), [&] { return random.normal(); });
  const Variable logits = (*network)(Variable(images));
  layers::make_loss({})(logits, Tensor::from_row_major({3}, std::vector<std::int32_t>{0, 1, 3}))
      .backward();
  for (const layers::Parameter& parameter : network->parameters()) {
    CAPTURE(parameter.name);
    REQUIRE(parameter.value.grad().defined());
    CHECK(std::ranges::any_of(parameter.value.grad().span(), [](float v) { return v != 0.0f; }));
  }
}

TEST_CASE("onnx network: constants that are only reshaped") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("Reshape", {g.conv("images", 3, 5), g.integers({3}, {0, 5, -1})});
  x = g.node("Transpose", {g.node("Relu", {x})}, {{"perm", Ints{0, 2, 1}}});
  x = g.node("Reshape", {x, g.integers({5}, {0, 7, 1, 6, 5})});
  x = g.node("Transpose", {x}, {{"perm", Ints{0, 4, 1, 2, 3}}});
  x = g.node("Squeeze", {x, g.integers({1}, {3})});
  x = g.node("GlobalAveragePool", {g.conv(x, 5, 6)});
  x = g.node("Squeeze", {g.node("Squeeze", {x, g.integers({1}, {-1})}), g.integers({1}, {-1})});
  quench::onnx::check_network(g.classify(x, 6));
}

TEST_CASE("onnx network: features of an image as channels have the order of their weights") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("Flatten", {g.conv("images", 3, 5)});
  x = g.node("Unsqueeze", {x, g.integers({2}, {2, 3})});
  x = g.batch_norm(g.node("Mul", {x, g.drawn({5 * 7 * 6, 1, 1})}), 5 * 7 * 6);
  std::string means = g.node("GlobalAveragePool", {"images"});
  means = g.node("Concat", {means, means}, {{"axis", std::int64_t{1}}});
  means = g.node("Pad", {means, g.integers({8}, {0, 1, 0, 0, 0, 2, 0, 0})});
  x = g.node("Concat", {means, x}, {{"axis", std::int64_t{1}}});
  x = g.node("Pad", {x, g.integers({8}, {0, 0, 1, 0, 0, 0, 0, 1})});
  quench::onnx::check_network(g.classify_image(g.conv(x, 5 * 7 * 6 + 9, 6, 2), 6));
}

TEST_CASE("onnx network: sizes are computed, also from the number of images") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 5);
  const auto size = [&](std::int64_t axis) {
    return g.node("Gather", {g.node("Shape", {x}), g.integers({1}, {axis})});
  };
  const std::string pixels = g.node("Mul", {size(2), size(3)});
  const std::string all = g.node("Mul", {g.node("Mul", {size(0), size(1)}), pixels});
  const std::string batch = g.node("Div", {all, g.node("Mul", {pixels, g.integers({}, {5})})});
  const std::string shape =
      g.node("Concat", {batch, g.node("Mul", {size(1), pixels})}, {{"axis", std::int64_t{0}}});
  quench::onnx::check_network(g.classify(g.node("Reshape", {x, shape}), 5 * 7 * 6));
}

TEST_CASE("onnx network: bounds and statistics may be computed from constants") {
  quench::onnx::GraphMaker g;
  std::string x = g.batch_norm(g.conv("images", 3, 5), 5);
  for (std::string& input : g.model.nodes.back().inputs) {
    if (input.starts_with("c")) input = g.node("Identity", {input});
  }
  std::swap(g.model.nodes[1], g.model.nodes.back());
  x = g.node("Clip", {x, g.node("Mul", {g.floats({}, {0.0f}), g.floats({}, {2.0f})}), ""});
  quench::onnx::check_network(g.classify_image(x, 5));
}

TEST_CASE("onnx network: a Pad of operator set 18 may name its axes") {
  quench::onnx::GraphMaker g(18);
  const std::string x =
      g.node("Pad", {"images", g.integers({4}, {1, 2, 3, 4}), "", g.integers({2}, {-1, 2})});
  const auto network = quench::onnx::build(g.classify_image(x, 3));
  for (const auto& [name, module] : network->modules()) {
    if (const auto* pad = dynamic_cast<const layers::Pad*>(module))
      CHECK(pad->sizes() == layers::PadSizes{.image = {2, 1, 4, 3}});
  }
  CHECK(count<layers::Pad>(*network) == 1);
}

TEST_CASE("onnx network: the first operator with a layout decides the images' layout") {
  quench::onnx::GraphMaker g;
  g.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 9, 128, 1};
  g.classify_image(g.conv("images", 9, 5, 1), 5);
  CHECK(quench::onnx::onnx_model_input(g.model, "net.onnx").channels == 9);
  quench::onnx::GraphMaker last;
  last.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 1, 128, 9};
  const std::string scaled = last.node("Mul", {"images", last.floats({}, {0.5f})});
  last.node("Transpose", {scaled}, {{"perm", Ints{0, 3, 1, 2}}});
  CHECK(quench::onnx::onnx_model_input(last.model, "net.onnx").channels == 9);
}

TEST_CASE("onnx network: an open number of classes comes from the network") {
  quench::onnx::GraphMaker g;
  g.classify_image(g.conv("images", 3, 5), 5);
  g.model.output.dims = {quench::onnx::OnnxValue::kAnySize, quench::onnx::OnnxValue::kAnySize};
  CHECK(quench::onnx::onnx_model_input(g.model, "net.onnx").classes == 4);
}
