#include "fuzz/onnx_seeds.h"

#include <limits>

#include "onnx/file/model_proto.h"
#include "onnx/file/write.h"
#include "onnx/import/graph_maker.h"
#include "support/file.h"
#include "temporary_folder.h"

namespace {

using namespace quench::testing;
using ::onnx::AttributeProto;
using ::onnx::ModelProto;
using ::onnx::TensorProto;

/// A network as written by exporters: raw weight bytes, attributes, initializers listed as inputs.
ModelProto network() {
  ModelProto model = empty_model();
  model.set_producer_name("pytorch");
  auto& entry = *model.add_metadata_props();
  entry.set_key("a");
  entry.set_value("b");
  add_tensor(model, "w", TensorProto::FLOAT, {2, 1, 1, 2}).set_raw_data(std::string(16, '\1'));
  add_tensor(model, "b", TensorProto::FLOAT, {2}).set_raw_data(std::string(8, '\2'));
  set_value(*model.mutable_graph()->add_input(), "w", {2, 1, 1, 2});
  auto& conv = add_node(model, "Conv", {"x", "w", "b"}, {"c"});
  conv.set_name("conv1");
  auto& pads = add_attribute(conv, "pads", AttributeProto::INTS);
  for (const int pad : {0, 1, 0, 1}) pads.add_ints(pad);
  add_attribute(conv, "group", AttributeProto::INT).set_i(1);
  add_attribute(conv, "auto_pad", AttributeProto::STRING).set_s("NOTSET");
  add_attribute(add_node(model, "LeakyRelu", {"c"}, {"r"}), "alpha", AttributeProto::FLOAT)
      .set_f(0.5f);
  add_node(model, "Add", {"r", "c"}, {"y"});
  return model;
}

/// Tensors of every type, each in its field of the format.
ModelProto tensors() {
  ModelProto model = empty_model();
  add_tensor(model, "f", TensorProto::FLOAT, {2}).add_float_data(0.5f);
  tensor_of(model).add_float_data(-1.0f);
  add_tensor(model, "d", TensorProto::DOUBLE, {1}).add_double_data(0.1);
  add_tensor(model, "i", TensorProto::INT64, {}).add_int64_data(-1);
  for (const int type : {TensorProto::FLOAT16, TensorProto::BFLOAT16, TensorProto::INT32,
                         TensorProto::INT8, TensorProto::UINT8, TensorProto::BOOL})
    add_tensor(model, TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type)), type,
               {1, 1})
        .add_int32_data(1);
  auto& sum = add_node(model, "Sum", {"x"}, {"y", ""});
  for (const auto& tensor : model.graph().initializer()) sum.add_input(tensor.name());
  return model;
}

/// Constant nodes of every kind, after the node that reads them, and a foreign operator.
ModelProto constants() {
  ModelProto model = empty_model();
  add_node(model, "Clip", {"x", "low", "high"}, {"c"});
  auto& foreign = add_node(model, "Thing", {"c", "floats", "ints", ""}, {"y"});
  foreign.set_domain("com.example");
  const auto constant = [&](const char* name, const char* attribute,
                            AttributeProto::AttributeType type) -> AttributeProto& {
    return add_attribute(add_node(model, "Constant", {}, {name}), attribute, type);
  };
  constant("low", "value_float", AttributeProto::FLOAT).set_f(0.0f);
  constant("floats", "value_floats", AttributeProto::FLOATS).add_floats(1.0f);
  constant("ints", "value_ints", AttributeProto::INTS).add_ints(3);
  TensorProto& high = *constant("high", "value", AttributeProto::TENSOR).mutable_t();
  high.set_data_type(TensorProto::FLOAT);
  high.add_float_data(6.0f);
  return model;
}

/// The last two of 16 floats in a file next to the model.
ModelProto external() {
  ModelProto model = model_with_tensor(TensorProto::FLOAT, {2});
  TensorProto& tensor = tensor_of(model);
  tensor.set_data_location(TensorProto::EXTERNAL);
  for (const auto& [key, value] :
       {std::pair{"location", "data"}, {"offset", "56"}, {"length", "8"}}) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model;
}

std::string file_of(const quench::onnx::OnnxModel& model) {
  const quench::TemporaryFolder folder;
  quench::onnx::write_onnx(folder / "net.onnx", model);
  const auto bytes = quench::read_file(folder / "net.onnx");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

using Ints = std::vector<std::int64_t>;

quench::onnx::OnnxModel classic() {
  quench::onnx::GraphMaker g;
  std::string x = g.node("Relu", {g.batch_norm(g.conv("images", 3, 2), 2)});
  x = g.node("MaxPool", {x}, {{"kernel_shape", Ints{2, 2}}, {"ceil_mode", std::int64_t{1}}});
  x = g.node("Pad", {x, g.integers({8}, {0, 0, 1, 0, 0, 0, 0, 1})});
  x = g.node("Clip", {g.conv(x, 2, 2, 2), g.floats({}, {0.0f}), g.floats({}, {6.0f})});
  x = g.node("AveragePool", {x},
             {{"kernel_shape", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}});
  const std::string batch = g.node("Gather", {g.node("Shape", {x}), g.integers({1}, {0})});
  const std::string shape =
      g.node("Concat", {batch, g.integers({1}, {-1})}, {{"axis", std::int64_t{0}}});
  return g.classify(g.node("Reshape", {x, shape}), 2 * 6 * 5);
}

quench::onnx::OnnxModel branches() {
  quench::onnx::GraphMaker g(14);
  std::string x = g.node("Add", {g.conv("images", 3, 2), g.conv("images", 3, 2)});
  const std::string scale =
      g.node("HardSigmoid", {g.conv(g.node("GlobalAveragePool", {x}), 2, 2, 1)});
  x = g.node("Mul", {x, scale});
  x = g.node("Concat", {x, g.node("LeakyRelu", {x}), g.node("HardSwish", {x})},
             {{"axis", std::int64_t{1}}});
  x = g.node("Transpose", {g.node("Div", {x, g.drawn({6, 1, 1}, 1.0f, 2.0f)})},
             {{"perm", Ints{0, 2, 3, 1}}});
  x = g.node("ReduceMean", {x}, {{"axes", Ints{1, 2}}, {"keepdims", std::int64_t{0}}});
  x = g.node("Add", {g.node("MatMul", {x, g.drawn({6, 4})}), g.drawn({4})});
  return g.finish(g.node("Softmax", {x}));
}

/// Sizes and values that the graph computes from constants, with most supported operators.
quench::onnx::OnnxModel computed() {
  quench::onnx::GraphMaker g(13);
  const auto one = [](std::int64_t value) { return value; };
  std::string x = g.conv("images", 3, 2);
  const std::string shape = g.node("Shape", {x});
  const auto part = [&](std::int64_t from, std::int64_t to) {
    return g.node("Slice", {shape, g.integers({1}, {from}), g.integers({1}, {to})});
  };
  const std::string pixels = g.node("ReduceProd", {part(2, 4)});
  const std::string rest = g.node(
      "Where", {g.node("Greater", {pixels, g.integers({}, {0})}),
                g.node("Mul", {pixels, part(1, 2)}), g.node("Div", {pixels, g.integers({}, {2})})});
  x = g.node("Reshape", {x, g.node("Concat", {part(0, 1), rest}, {{"axis", one(0)}})});
  std::string scale =
      g.node("Range", {g.integers({}, {1}), g.integers({}, {5}), g.integers({}, {2})});
  scale = g.node("Expand",
                 {g.node("Unsqueeze", {scale, g.integers({1}, {1})}), g.integers({2}, {2, 42})});
  scale = g.node("Mod", {g.node("Tile", {scale, g.integers({2}, {1, 1})}), g.integers({}, {3})});
  scale = g.node("Gather", {scale, g.integers({2}, {1, 0})}, {{"axis", one(0)}});
  scale = g.node("Reshape", {g.node("Cast", {scale}, {{"to", one(1)}}), g.integers({1}, {-1})});
  scale = g.node("Sqrt", {g.node("Max", {g.node("Exp", {scale}), g.floats({}, {0.5f})})});
  return g.classify(g.node("Mul", {x, g.node("Floor", {scale})}), 2 * 7 * 6);
}

/// The same values with other dims.
quench::onnx::OnnxModel viewed() {
  quench::onnx::GraphMaker g(13);
  std::string x = g.node("Reshape", {g.conv("images", 3, 2), g.integers({3}, {0, 2, -1})});
  x = g.node("Transpose", {g.node("Relu", {x})}, {{"perm", Ints{0, 2, 1}}});
  x = g.node("Reshape", {x, g.integers({4}, {0, 7, 6, 2})});
  x = g.node("Flatten", {g.node("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}})});
  x = g.node("Unsqueeze", {x, g.integers({2}, {-1, 2})});
  x = g.node("Squeeze", {g.conv(x, 2 * 7 * 6, 3, 1), g.integers({1}, {3})});
  return g.classify(g.node("Squeeze", {x}), 3);
}

/// Splits and rejoins channels, and reduces single axes.
quench::onnx::OnnxModel channels() {
  quench::onnx::GraphMaker g(13);
  const auto one = [&](std::int64_t value) { return g.integers({1}, {value}); };
  const std::string x = g.node("PRelu", {g.conv("images", 3, 4), g.drawn({4, 1, 1})});
  const std::string a = g.node("Slice", {x, one(0), one(2), one(1)});
  const std::string b =
      g.node("Gather", {x, g.integers({2}, {3, -2})}, {{"axis", std::int64_t{1}}});
  std::string y =
      g.node("Concat", {g.node("Max", {a, b}), g.node("Sub", {b, a})}, {{"axis", std::int64_t{1}}});
  y = g.node("Reshape", {y, g.integers({5}, {0, 2, 2, 7, 6})});
  y = g.node("Transpose", {y}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  y = g.node("Reshape", {y, g.integers({4}, {0, 4, 7, 6})});
  y = g.node("LRN", {g.node("Tanh", {y})}, {{"size", std::int64_t{3}}});
  y = g.node("Resize", {y, "", g.floats({4}, {1.0f, 1.0f, 2.0f, 1.0f})},
             {{"coordinate_transformation_mode", std::string("half_pixel")}});
  const std::string gate = g.node("GlobalMaxPool", {y});
  y = g.node("Mul", {y, g.node("Expand", {gate, g.node("Shape", {y})})});
  y = g.node("InstanceNormalization", {y, g.drawn({4}), g.drawn({4})});
  y = g.node("ReduceSum",
             {g.node("ReduceMax", {y}, {{"axes", Ints{3}}, {"keepdims", std::int64_t{0}}}), one(2)},
             {{"keepdims", std::int64_t{0}}});
  return g.classify(y, 4);
}

/// Resized, reflected and one-row images, with permuted axes.
quench::onnx::OnnxModel images() {
  quench::onnx::GraphMaker g(13);
  const std::int64_t two = 2;
  std::string x = g.node("ConvTranspose", {g.conv("images", 3, 2), g.drawn({2, 4, 2, 2})},
                         {{"strides", Ints{2, 1}},
                          {"output_padding", Ints{1, 0}},
                          {"pads", Ints{1, 0, 0, 0}}});  // 14x7
  x = g.node("Pad", {x, g.integers({8}, {0, 0, 1, 0, 0, 0, 1, 1})},
             {{"mode", std::string("reflect")}});  // 16x8
  x = g.node("SpaceToDepth", {x}, {{"blocksize", two}});
  x = g.node("DepthToSpace", {x}, {{"blocksize", two}, {"mode", std::string("CRD")}});
  x = g.node("Resize", {x, "", g.floats({4}, {1.0f, 1.0f, 0.5f, 0.75f})},
             {{"mode", std::string("linear")}});  // 8x6
  x = g.node("Pad", {x, g.integers({8}, {0, 0, 1, 1, 0, 0, 0, 0}),
                     g.floats({}, {-std::numeric_limits<float>::max()})});
  x = g.node("MaxPool", {x}, {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});  // 4x3
  x = g.node("Transpose", {x}, {{"perm", Ints{0, 3, 1, 2}}});
  x = g.node("Reshape", {x, g.integers({3}, {0, 12, 4})});
  x = g.node("Conv", {x, g.drawn({3, 12, 3}), g.drawn({3})}, {{"pads", Ints{1, 1}}});
  x = g.node("Slice", {x, g.integers({1}, {-1}), g.integers({1}, {-9}), g.integers({1}, {2}),
                       g.integers({1}, {-2})});
  x = g.node("ReduceL2", {x}, {{"axes", Ints{2}}, {"keepdims", std::int64_t{0}}});
  return g.classify(x, 3);
}

/// Activations and weights quantized by ONNX's operators, with clipped codes.
quench::onnx::OnnxModel quantized() {
  quench::onnx::GraphMaker g(13);
  const quench::onnx::OnnxAttributes channels{{"axis", std::int64_t{0}}};
  const std::string scale = g.floats({}, {0.05f});
  const auto rounded = [&](const std::string& x) {
    return g.node("DequantizeLinear", {g.node("QuantizeLinear", {x, scale}), scale});
  };
  const std::string scales = g.floats({2}, {0.1f, 0.2f});
  const std::string codes = g.node("QuantizeLinear", {g.drawn({2, 3, 3, 3}), scales}, channels);
  const std::string weight = g.node("DequantizeLinear", {codes, scales}, channels);
  std::string x = g.node("Conv", {rounded("images"), weight});
  x = rounded(g.node("Clip", {x, g.floats({}, {0.0f}), g.floats({}, {0.75f})}));
  x = rounded(g.node("MaxPool", {g.node("Add", {x, x})}, {{"kernel_shape", Ints{2, 2}}}));
  return g.classify(g.node("Flatten", {g.node("Relu", {x})}), 2 * 6 * 5);
}

/// As exported by quench, with scales after the sums and 1-bit codes, and with QONNX's operators.
quench::onnx::OnnxModel exported() {
  quench::onnx::GraphMaker g(13);
  const std::string one = g.floats({}, {1.0f}), scale = g.floats({}, {0.05f});
  const auto steps = [&](const std::string& x) {
    return g.node("DequantizeLinear", {g.node("QuantizeLinear", {x, scale}), one});
  };
  std::string x = g.node("Conv", {steps("images"), steps(g.drawn({2, 3, 3, 3}))});
  x = g.node("Mul", {x, g.drawn({1, 2, 1, 1}, 0.1f, 0.2f)});
  const std::string negative = g.node("Less", {x, g.floats({}, {0.0f})});
  x = g.node("Where", {negative, g.floats({}, {-1.0f}), g.floats({}, {1.0f})});
  const std::string domain = std::string(quench::onnx::kQonnx) + ".";
  const std::string weight = g.node(domain + "BipolarQuant",
                                    {g.drawn({2, 2, 1, 1}), g.floats({2, 1, 1, 1}, {0.5f, 0.25f})});
  x = g.node("Conv", {x, weight});
  x = g.node(domain + "Quant", {x, scale, g.floats({}, {0.0f}), g.floats({}, {4.0f})},
             {{"signed", std::int64_t{1}}, {"narrow", std::int64_t{1}}});
  return g.classify_image(x, 2);
}

}  // namespace

std::vector<std::string> onnx_network_seeds() {
  std::vector<std::string> files;
  for (const quench::onnx::OnnxModel& model :
       {classic(), branches(), computed(), viewed(), quantized(), exported(), channels(), images()})
    files.push_back(file_of(model));
  return files;
}

std::vector<std::string> onnx_seeds() {
  std::vector<std::string> files;
  for (const ModelProto& model : {network(), tensors(), constants(), external()})
    files.push_back(model.SerializeAsString());
  return files;
}
