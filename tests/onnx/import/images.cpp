// Images with one row, resized, with rearranged axes, and padded with their own pixels.

#include <doctest/doctest.h>

#include <numeric>

#include "layers/conv2d.h"
#include "layers/shape_layers.h"
#include "onnx/import/graph.h"

using namespace quench;

namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kTwo = 2;

std::string text(const char* value) { return value; }

/// The rows of [N, 3, 9, 8] as channels of lines: [N, 27, 8].
std::string lines(quench::onnx::GraphMaker& g) {
  return g.node("Reshape", {"images", g.integers({3}, {0, 27, 8})});
}

/// Ends in a linear layer of the means of lines [N, C, L].
const quench::onnx::OnnxModel& classify_lines(quench::onnx::GraphMaker& g, const std::string& x,
                                              std::int64_t channels) {
  return g.classify(g.node("ReduceMean", {x}, {{"axes", Ints{2}}, {"keepdims", std::int64_t{0}}}),
                    channels);
}

}  // namespace

TEST_CASE("onnx images: convolutions, norms and pools of lines") {
  quench::onnx::GraphMaker g;
  std::string x =
      g.node("Conv", {lines(g), g.drawn({6, 9, 3}), g.drawn({6})},
             {{"group", std::int64_t{3}}, {"pads", Ints{2, 1}}, {"dilations", Ints{2}}});
  x = g.node("Relu", {g.batch_norm(x, 6)});
  const std::string y = g.node("Conv", {x, g.drawn({6, 6, 3})},
                               {{"auto_pad", text("SAME_UPPER")}, {"kernel_shape", Ints{3}}});
  x = g.node("Add", {x, g.node("Add", {y, g.drawn({6, 1})})});
  x = g.node("MaxPool", {x},
             {{"kernel_shape", Ints{3}}, {"strides", Ints{2}}, {"pads", Ints{1, 0}}});
  x = g.node("AveragePool", {x}, {{"kernel_shape", Ints{2}}, {"ceil_mode", std::int64_t{1}}});
  x = g.node("Concat", {x, g.node("Mul", {x, g.drawn({1, 6, 1})})}, {{"axis", std::int64_t{1}}});
  const std::string gate = g.node("Sigmoid", {g.node("GlobalAveragePool", {x})});
  quench::onnx::check_network(classify_lines(g, g.node("Mul", {x, gate}), 12));
}

TEST_CASE("onnx images: images become lines and images again") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 1);  // 7x6, one channel
  std::string y = g.node("Squeeze", {x, g.integers({1}, {1})});
  y = g.node("Conv", {y, g.drawn({4, 7, 3})});  // the rows are channels
  y = g.node("Unsqueeze", {y, g.integers({1}, {2})});
  y = g.conv(y, 4, 5, 1);
  const std::string flat = g.node("Flatten", {g.node("Squeeze", {y, g.integers({1}, {2})})});
  const std::string column = g.node("Unsqueeze", {flat, g.integers({1}, {1})});  // one channel
  y = g.node("Conv", {column, g.drawn({2, 1, 5})}, {{"strides", Ints{3}}});
  quench::onnx::check_network(g.classify(g.node("Flatten", {y}), 2 * 6));
}

TEST_CASE("onnx images: lines with the channels last, and matrices of either axis") {
  quench::onnx::GraphMaker g;
  const Ints turn{0, 2, 1};
  std::string x = g.node("Transpose", {lines(g)}, {{"perm", turn}});  // [N, 8, 27]
  x = g.node("Add", {g.node("MatMul", {x, g.drawn({27, 6})}), g.drawn({6})});
  x = g.node("Gelu", {g.node("LayerNormalization", {x, g.drawn({6}), g.drawn({6})})});
  const std::string mixed = g.node(
      "MatMul", {g.node("Transpose", {x}, {{"perm", turn}}), g.drawn({8, 8})});  // over positions
  x = g.node("Add", {x, g.node("Transpose", {mixed}, {{"perm", turn}})});
  g.model.opset = 20;
  quench::onnx::check_network(classify_lines(g, g.node("Transpose", {x}, {{"perm", turn}}), 6));
}

TEST_CASE("onnx images: slices, splits, pads and expansions of lines") {
  quench::onnx::GraphMaker g;
  const auto one = [&](std::int64_t value) { return g.integers({1}, {value}); };
  const std::string x = g.node("Conv", {lines(g), g.drawn({6, 27, 1})});  // [N, 6, 8]
  const std::string back = g.node("Slice", {x, one(-1), one(-100), one(2), one(-2)});
  const auto halves = g.split({x}, 2, {{"axis", std::int64_t{2}}});
  std::string y = g.node("Concat", {back, halves[1]}, {{"axis", std::int64_t{1}}});
  y = g.node("Pad", {y, g.integers({6}, {0, 1, 0, 0, 0, 3})});
  y = g.node("Conv", {y, g.drawn({5, 13, 2})});
  const std::string mean =
      g.node("ReduceMean", {y}, {{"axes", Ints{2}}, {"keepdims", std::int64_t{1}}});
  y = g.node("Mul", {y, g.node("Expand", {mean, g.integers({3}, {1, 1, 6})})});
  const std::string last = g.node("Gather", {y, g.integers({}, {-1})}, {{"axis", kTwo}});
  quench::onnx::check_network(g.classify(last, 5));
}

TEST_CASE("onnx images: transposed convolutions of every form") {
  const std::vector<quench::onnx::OnnxAttributes> forms{
      {},
      {{"strides", Ints{2, 3}}},
      {{"strides", Ints{2, 2}}, {"pads", Ints{1, 0, 2, 1}}, {"output_padding", Ints{1, 0}}},
      {{"dilations", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 1}}},
      {{"strides", Ints{3, 2}}, {"dilations", Ints{1, 2}}, {"group", kTwo}},
      {{"strides", Ints{2, 2}}, {"auto_pad", text("SAME_UPPER")}},
      {{"strides", Ints{2, 1}}, {"auto_pad", text("SAME_LOWER")}},
      {{"strides", Ints{4, 4}}, {"auto_pad", text("VALID")}},
      {{"strides", Ints{2, 2}}, {"output_shape", Ints{13, 12}}},
      {{"pads", Ints{3, 3, 4, 3}}, {"strides", Ints{2, 2}}},  // more than the window size
  };
  for (std::size_t form = 0; form < forms.size(); ++form) {
    CAPTURE(form);
    quench::onnx::GraphMaker g;
    const std::string x = g.conv("images", 3, 4);
    const std::int64_t groups = forms[form].contains("group") ? 2 : 1;
    const std::string y =
        g.node("ConvTranspose", {x, g.drawn({4, 6 / groups, 3, 3}), g.drawn({6})}, forms[form]);
    quench::onnx::check_network(g.classify_image(g.conv(g.node("Relu", {y}), 6, 5, 2), 5));
  }
}

TEST_CASE("onnx images: a transposed convolution of lines, with bias and norm") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("ConvTranspose", {lines(g), g.drawn({27, 5, 4})},
                         {{"strides", Ints{2}}, {"pads", Ints{1, 1}}});
  x = g.batch_norm(g.node("Add", {x, g.drawn({5, 1})}), 5);
  quench::onnx::check_network(classify_lines(g, x, 5));
  const quench::onnx::OnnxNetworkOptions fold{.fold_batch_norm = true};
  quench::onnx::check_network(g.model, fold);
}

TEST_CASE("onnx images: depth to space and space to depth") {
  for (const char* mode : {"DCR", "CRD"}) {
    quench::onnx::GraphMaker g;
    std::string x = g.conv("images", 3, 8, 2);  // 8x7
    x = g.node("DepthToSpace", {x}, {{"blocksize", kTwo}, {"mode", text(mode)}});
    x = g.conv(x, 2, 3, 3);  // 14x12
    x = g.node("SpaceToDepth", {x}, {{"blocksize", kTwo}});
    quench::onnx::check_network(g.classify_image(g.conv(x, 12, 5, 1), 5));
  }
}

TEST_CASE("onnx images: reshapes and transposes of any axes") {
  quench::onnx::GraphMaker g;
  std::string x = g.conv("images", 3, 8, 2);  // 8x7
  const auto reshape = [&](const Ints& dims) {
    x = g.node("Reshape", {x, g.integers({std::ssize(dims)}, dims)});
  };
  const auto transpose = [&](const Ints& perm) { x = g.node("Transpose", {x}, {{"perm", perm}}); };
  reshape({-1, 2, 2, 2, 8, 7});  // as PyTorch writes a pixel shuffle
  transpose({0, 1, 4, 2, 5, 3});
  reshape({-1, 2, 16, 14});
  x = g.conv(x, 2, 4, 3);  // 14x12
  transpose({0, 1, 3, 2});
  x = g.conv(x, 4, 6, 1);
  reshape({0, 6, 3, 4, 2, 7});  // and the reverse
  transpose({0, 1, 3, 5, 2, 4});
  reshape({0, 168, 3, 2});
  x = g.conv(x, 168, 4, 1);
  reshape({0, 8, 1, 3});  // another split of the same values
  quench::onnx::check_network(g.classify_image(g.conv(x, 8, 5, 1), 5));
}

TEST_CASE("onnx images: the pixels of patches, as in patch embeddings") {
  quench::onnx::GraphMaker g;
  g.model.input.dims = {quench::onnx::OnnxValue::kAnySize, 9, 8, 3};
  std::string x = g.node("Reshape", {"images", g.integers({6}, {-1, 3, 3, 4, 2, 3})});
  x = g.node("Transpose", {x}, {{"perm", Ints{0, 1, 3, 2, 4, 5}}});
  x = g.node("Reshape", {x, g.integers({3}, {-1, 12, 18})});
  x = g.node("MatMul", {x, g.drawn({18, 5})});
  x = g.node("ReduceMean", {x}, {{"axes", Ints{1}}, {"keepdims", std::int64_t{0}}});
  quench::onnx::check_network(g.classify(x, 5));
}

TEST_CASE("onnx images: rearrangements other than of whole axes are rejected") {
  quench::onnx::GraphMaker g;
  std::string x = g.node("Reshape", {g.conv("images", 3, 5), g.integers({4}, {0, 7, 5, 6})});
  x = g.conv(x, 7, 2, 1);
  g.classify_image(x, 2);
  CHECK_THROWS_WITH(
      quench::onnx::build(g.model),
      "net.onnx: node 'n_Conv_2' (Conv): expected axes that split rows, columns or channels, got "
      "[N, 7, 5, 6] as [N, 7, 5, 6]");
}

TEST_CASE("onnx images: mirrored, continued and wrapped edges") {
  for (const char* mode : {"reflect", "edge", "wrap"}) {
    CAPTURE(mode);
    quench::onnx::GraphMaker g(19);
    std::string x = g.conv("images", 3, 4);  // 7x6
    x = g.node("Pad", {x, g.integers({8}, {0, 0, 3, 0, 0, 0, 2, 5})}, {{"mode", text(mode)}});
    x = g.conv(x, 4, 5, 4);  // 9x8
    x = g.node("Pad", {x, g.integers({8}, {0, 1, -1, 2, 0, 2, 1, -3})}, {{"mode", text(mode)}});
    quench::onnx::check_network(g.classify(g.node("Flatten", {g.conv(x, 8, 2)}), 2 * 7 * 5));
  }
  quench::onnx::GraphMaker g;
  const std::string x = g.node("Pad", {"images", g.integers({8}, {0, 0, 9, 0, 0, 0, 0, 0})},
                               {{"mode", text("reflect")}});
  CHECK_THROWS_WITH(quench::onnx::build(g.classify_image(x, 3)),
                    "net.onnx: node 'n_Pad_0' (Pad): pads: expected a nonempty rest after "
                    "cropping, and reflect of 9 by at most 8, got 9");
}

TEST_CASE("onnx images: padding with minus infinity is the padding of a max pool") {
  for (const float least : {-INFINITY, std::numeric_limits<float>::lowest()}) {
    quench::onnx::GraphMaker g;
    const std::string x = g.conv("images", 3, 4);
    const std::string y =
        g.node("Pad", {x, g.integers({8}, {0, 0, 1, 0, 0, 0, 1, 2}), g.floats({}, {least})});
    const std::string z =
        g.node("MaxPool", {y}, {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});
    quench::onnx::check_network(g.classify_image(z, 4));
    g.classify_image(g.node("Relu", {y}), 4);
    CHECK_THROWS_WITH(quench::onnx::build(g.model),
                      "net.onnx: node 'n_Relu_6' (Relu): expected a MaxPool to read 'Pad_1', which "
                      "is padded with the lowest value");
  }
}

TEST_CASE("onnx images: resized to any size, nearest and bilinear") {
  struct Case {
    const char *mode, *transformation, *nearest;
  };
  for (const auto& [mode, transformation, nearest] :
       {Case{"linear", "half_pixel", "floor"}, Case{"linear", "align_corners", "floor"},
        Case{"linear", "asymmetric", "floor"}, Case{"linear", "pytorch_half_pixel", "floor"},
        Case{"nearest", "asymmetric", "floor"}, Case{"nearest", "half_pixel", "ceil"},
        Case{"nearest", "half_pixel", "round_prefer_ceil"},
        Case{"nearest", "align_corners", "round_prefer_floor"}}) {
    for (const Ints& size : {Ints{11, 10}, Ints{14, 12}, Ints{4, 9}, Ints{1, 3}}) {
      CAPTURE(mode);
      CAPTURE(transformation);
      CAPTURE(size[0]);
      quench::onnx::GraphMaker g;
      const std::string x = g.conv("images", 3, 5);  // 7x6
      const std::string sizes = g.integers({4}, {1, 5, size[0], size[1]});
      const std::string y = g.node("Resize", {x, "", "", sizes},
                                   {{"mode", text(mode)},
                                    {"coordinate_transformation_mode", text(transformation)},
                                    {"nearest_mode", text(nearest)}});
      quench::onnx::check_network(g.classify(g.node("Flatten", {y}), 5 * size[0] * size[1]));
    }
  }
}

TEST_CASE("onnx images: lines and named axes are resized, also by scales") {
  quench::onnx::GraphMaker g(18);
  std::string x = g.node("Conv", {lines(g), g.drawn({4, 27, 1})});
  x = g.node("Resize", {x, "", g.floats({3}, {1.0f, 1.0f, 1.4f})},
             {{"mode", text("linear")}, {"coordinate_transformation_mode", text("asymmetric")}});
  quench::onnx::check_network(g.classify(g.node("Flatten", {x}), 4 * 11));
  quench::onnx::GraphMaker named(18);
  const std::string y = named.conv("images", 3, 5);
  g.model = {};
  const std::string z = named.node("Resize", {y, "", named.floats({2}, {2.0f, 3.0f})},
                                   {{"axes", Ints{3, 2}}, {"mode", text("linear")}});
  const auto network = quench::onnx::build(named.classify_image(z, 5));
  for (const auto& [name, module] : network->modules()) {
    if (const auto* resize = dynamic_cast<const layers::BilinearResize*>(module))
      CHECK(resize->options().size == std::array<std::int64_t, 2>{21, 12});
  }
}

TEST_CASE("onnx images: unsupported resizes are rejected") {
  const auto refusal = [](const quench::onnx::OnnxAttributes& attributes,
                          const std::vector<float>& scales) {
    quench::onnx::GraphMaker g(18);
    const std::string x = g.node("Resize", {"images", "", g.floats({4}, scales)}, attributes);
    try {
      quench::onnx::build(g.classify_image(x, 3));
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto contains = [](const std::string& message, const char* part) {
    return message.find(part) != std::string::npos;
  };
  const std::vector<float> twice{1.0f, 1.0f, 2.0f, 2.0f};
  CHECK(contains(refusal({{"mode", text("cubic")}}, twice),
                 "mode: expected nearest or linear, got 'cubic'"));
  CHECK(contains(refusal({{"mode", text("linear")}, {"antialias", std::int64_t{1}}}, twice),
                 "antialias: expected 0, got 1"));
  CHECK(contains(refusal({}, {1.0f, 2.0f, 2.0f, 2.0f}),
                 "an unchanged number of channels, got 6 of 3"));
  CHECK(contains(refusal({}, {1.0f, 1.0f, 0.01f, 2.0f}), "got 0.01 times 9"));
}

TEST_CASE("onnx images: joined along rows and columns, also with constants") {
  quench::onnx::GraphMaker g;
  const std::string x = g.conv("images", 3, 4);  // 7x6
  std::string y = g.node("Concat", {x, g.conv(x, 4, 4, 1)}, {{"axis", kTwo}});
  y = g.node("Concat", {y, y, y}, {{"axis", std::int64_t{-1}}});
  y = g.node("Add", {g.conv(y, 4, 2, 1), g.drawn({18})});
  y = g.node("Transpose", {g.node("Mul", {y, g.drawn({1, 2, 1, 1})})},
             {{"perm", Ints{0, 2, 3, 1}}});
  y = g.node("Sub", {g.drawn({14, 1, 1}), y});
  quench::onnx::check_network(g.classify(g.node("Flatten", {y}), 2 * 14 * 18));
}

TEST_CASE("onnx images: all images in one row and separated again, as PyTorch exports strides") {
  quench::onnx::GraphMaker g;
  g.model.input.dims = {2, 3, 9, 8};
  std::string x = g.node("Reshape", {g.conv("images", 3, 5, 7), g.integers({1}, {-1})});
  Ints places(2 * 5 * 3 * 2);
  std::iota(places.begin(), places.end(), 0);
  const std::string parts = g.integers({2, 5, 3, 2}, places);
  x = g.conv(g.node("Gather", {x, parts}), 5, 4, 1);
  x = g.node("Reshape", {x, g.integers({1}, {2 * 4 * 3 * 2})});
  quench::onnx::check_network(
      g.classify(g.node("Reshape", {x, g.integers({2}, {2, -1})}), 4 * 3 * 2));
  g.classify_image(g.node("Relu", {x}), 4);
  CHECK_THROWS_WITH(quench::onnx::build(g.model),
                    "net.onnx: node 'n_Relu_7' (Relu): expected the batch first, got 'Reshape_4', "
                    "with all images in one row");
}

TEST_CASE("onnx images: means and maxima of channels") {
  quench::onnx::GraphMaker g(11);
  const std::string x = g.conv("images", 3, 5);  // 7x6
  const std::string mean = g.node("ReduceMean", {x}, {{"axes", Ints{1}}});
  const std::string most =
      g.node("ReduceMax", {x}, {{"axes", Ints{1}}, {"keepdims", std::int64_t{0}}});
  const std::string both = g.node("Unsqueeze", {most}, {{"axes", Ints{1}}});
  const std::string maps = g.node("Concat", {mean, both}, {{"axis", std::int64_t{1}}});
  const std::string lines =
      g.node("ReduceSum", {x}, {{"axes", Ints{1, 3}}, {"keepdims", std::int64_t{0}}});
  const std::string all =
      g.node("Concat", {g.node("Flatten", {maps}), lines}, {{"axis", std::int64_t{1}}});
  quench::onnx::check_network(g.classify(all, 2 * 42 + 7));
}

TEST_CASE("onnx images: lengths over rows and columns") {
  quench::onnx::GraphMaker g(11);
  const std::string x = g.node("ReduceL2", {g.conv("images", 3, 5)},
                               {{"axes", Ints{2, 3}}, {"keepdims", std::int64_t{0}}});
  quench::onnx::check_network(g.classify(x, 5));
}
