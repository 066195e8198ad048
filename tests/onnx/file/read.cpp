#include "onnx/file/read.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "onnx/file/model_proto.h"
#include "onnx/file/write.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::testing;
using ::onnx::AttributeProto;
using ::onnx::TensorProto;

namespace {

std::vector<std::string> ops_of(const quench::onnx::OnnxModel& model) {
  std::vector<std::string> ops;
  for (const quench::onnx::OnnxNode& node : model.nodes) ops.push_back(node.op);
  return ops;
}

::onnx::ModelProto identity() {
  ::onnx::ModelProto model = empty_model();
  add_node(model, "Identity", {"x"}, {"y"});
  return model;
}

}  // namespace

TEST_CASE("read_onnx: reads the output of write_onnx") {
  const TemporaryFolder folder;
  const std::vector<float> numbers{0.5f, -2.0f};
  const auto bytes = std::as_bytes(std::span(numbers));
  quench::onnx::OnnxModel model{.name = "net", .opset = 13, .metadata = {{"method", "ab"}}};
  model.input = {"images", {quench::onnx::OnnxValue::kAnySize, 2, 4, 4}};
  model.output = {"logits", {quench::onnx::OnnxValue::kAnySize, 2, 4, 4}};
  model.constants.push_back({"scale",
                             quench::onnx::OnnxType::f32,
                             {1, 2, 1, 1},
                             std::vector<std::byte>(bytes.begin(), bytes.end())});
  model.nodes.push_back({"Mul", {"images", "scale"}, "scaled", {}, "mul"});
  model.nodes.push_back({"LeakyRelu", {"scaled"}, "leaky", {{"alpha", 0.25f}}, "act"});
  model.nodes.push_back(
      {"MaxPool",
       {"leaky"},
       "logits",
       {{"auto_pad", "SAME_UPPER"}, {"kernel_shape", std::vector<std::int64_t>{1, 1}}},
       "pool"});
  quench::onnx::write_onnx(folder / "net.onnx", model);

  const quench::onnx::OnnxModel read = quench::onnx::read_onnx(folder / "net.onnx");
  CHECK(read.name == "net");
  CHECK(read.opset == 13);
  CHECK(read.metadata == model.metadata);
  CHECK(read.input.name == "images");
  CHECK(read.input.dims == std::vector<std::int64_t>{quench::onnx::OnnxValue::kAnySize, 2, 4, 4});
  CHECK(read.input.dim_names == std::vector<std::string>{"N", "", "", ""});
  CHECK(read.output.name == "logits");
  REQUIRE(read.constants.size() == 1);
  CHECK(read.constants[0].name == "scale");
  CHECK(read.constants[0].dims == std::vector<std::int64_t>{1, 2, 1, 1});
  CHECK(values_of<float>(read.constants[0]) == numbers);
  CHECK(ops_of(read) == std::vector<std::string>{"Mul", "LeakyRelu", "MaxPool"});
  CHECK(read.nodes[0].inputs == std::vector<std::string>{"images", "scale"});
  CHECK(read.nodes[0].name == "mul");
  CHECK(read.nodes[1].attributes == model.nodes[1].attributes);
  CHECK(read.nodes[2].attributes == model.nodes[2].attributes);
}

TEST_CASE("read_onnx: a Split from write_onnx, with a node for each output") {
  const TemporaryFolder folder;
  quench::onnx::OnnxModel model{.name = "net", .opset = 13};
  model.input = {"images", {quench::onnx::OnnxValue::kAnySize, 4, 2, 2}};
  model.output = {"logits", {quench::onnx::OnnxValue::kAnySize, 2, 2, 2}};
  for (const std::int64_t i : {0, 2}) {
    model.nodes.push_back(
        {"Split", {"images"}, "part" + std::to_string(i), {{"axis", std::int64_t{1}}}, "split"});
    model.nodes.back().output_index = i;
    model.nodes.back().output_count = 4;
  }
  model.nodes.push_back({"Concat", {"part0", "part2"}, "logits", {{"axis", std::int64_t{1}}}});
  quench::onnx::write_onnx(folder / "net.onnx", model);
  const quench::onnx::OnnxModel read = quench::onnx::read_onnx(folder / "net.onnx");
  REQUIRE(ops_of(read) == std::vector<std::string>{"Split", "Split", "Concat"});
  CHECK(read.nodes[1].output == "part2");
  CHECK(read.nodes[1].output_index == 2);
  CHECK(read.nodes[1].output_count == 4);
}

TEST_CASE("read_onnx: the file itself") {
  const TemporaryFolder folder;
  const auto error_of_file = [](const std::filesystem::path& path) -> std::string {
    try {
      quench::onnx::read_onnx(path);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(error_of_file(folder / "absent.onnx").find("absent.onnx: No such file") !=
        std::string::npos);
  CHECK(error_of_file(folder.path()).find("Is a directory") != std::string::npos);

  write_file_atomically(folder / "text.onnx", "a text and no network");
  CHECK(error_of_file(folder / "text.onnx").find("text.onnx: not an ONNX file") !=
        std::string::npos);
  write_file_atomically(folder / "empty.onnx", "");
  CHECK(error_of_file(folder / "empty.onnx").find("not an ONNX file") != std::string::npos);

  // Sparse, so that it takes no disk space.
  std::filesystem::resize_file(folder / "empty.onnx", std::uintmax_t{1} << 31);
  CHECK(error_of_file(folder / "empty.onnx")
            .find("expected less than 2 GiB (protobuf's limit), got 2147483648") !=
        std::string::npos);
}

TEST_CASE("read_onnx: versions") {
  ::onnx::ModelProto model = identity();
  for (const int opset : {7, 17, 24, 99}) {
    model.mutable_opset_import(0)->set_version(opset);
    CHECK(parsed(model).opset == opset);
  }
  model.mutable_opset_import(0)->set_version(6);
  CHECK(error_of(model) ==
        "m.onnx: expected operator set 7 or newer, got 6; "
        "onnx.version_converter.convert_version(model, 13) converts it");
  // Another domain's version does not affect ONNX's operators.
  model.mutable_opset_import(0)->set_version(13);
  model.mutable_opset_import(0)->set_domain("com.example");
  CHECK(error_of(model).find("expected operator set 7 or newer, got 0") != std::string::npos);
  model.mutable_opset_import(0)->set_domain("ai.onnx");
  CHECK(parsed(model).opset == 13);

  model.set_ir_version(99);
  CHECK(parsed(model).opset == 13);
  model.set_ir_version(2);
  CHECK(error_of(model) == "m.onnx: expected IR version 3 or newer, got 2");
}

TEST_CASE("read_onnx: inputs and outputs") {
  SUBCASE("an initializer that is listed as an input is a constant") {
    ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, {1});
    tensor_of(model).add_float_data(3.0f);
    set_value(*model.mutable_graph()->add_input(), "w", {1});
    const quench::onnx::OnnxModel read = parsed(model);
    CHECK(read.input.name == "x");
    CHECK(values_of<float>(read.constants.at(0)) == std::vector{3.0f});
  }
  SUBCASE("two inputs") {
    ::onnx::ModelProto model = identity();
    set_value(*model.mutable_graph()->add_input(), "mask", {1});
    CHECK(error_of(model) ==
          "m.onnx: expected one input (the images), got 'x', 'mask'; cut the graph with "
          "onnx.utils.extract_model(from, to, [input], [output])");
  }
  SUBCASE("no input") {
    ::onnx::ModelProto model = identity();
    model.mutable_graph()->clear_input();
    CHECK(error_of(model) ==
          "m.onnx: expected one input (the images), got none; cut the graph with "
          "onnx.utils.extract_model(from, to, [input], [output])");
  }
  SUBCASE("two outputs") {
    ::onnx::ModelProto model = identity();
    set_value(*model.mutable_graph()->add_output(), "x", {1});
    CHECK(error_of(model) ==
          "m.onnx: expected one output, got 'y', 'x'; select one with model.output = \"NAME\"");
  }
  SUBCASE("an output that is not computed") {
    ::onnx::ModelProto model = identity();
    model.mutable_graph()->mutable_output(0)->set_name("x");
    CHECK(error_of(model) == "m.onnx: no node computes the output 'x'");
    model.mutable_graph()->mutable_output(0)->set_name("z");
    CHECK(error_of(model) == "m.onnx: no node computes the output 'z'");
  }
  SUBCASE("an output of constants") {
    ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, {});
    tensor_of(model).add_float_data(3.0f);
    model.mutable_graph()->mutable_node(0)->set_input(0, "w");
    CHECK(error_of(model) == "m.onnx: output 'y' does not depend on the input 'x'");
  }
  SUBCASE("symbolic sizes keep their names, unknown ones have none") {
    ::onnx::ModelProto model = identity();
    auto& shape = *model.mutable_graph()
                       ->mutable_input(0)
                       ->mutable_type()
                       ->mutable_tensor_type()
                       ->mutable_shape();
    shape.clear_dim();
    shape.add_dim()->set_dim_param("batch");
    shape.add_dim()->set_dim_value(3);
    shape.add_dim();
    shape.add_dim()->set_dim_value(0);
    const quench::onnx::OnnxValue input = parsed(model).input;
    CHECK(input.dims == std::vector<std::int64_t>{-1, 3, -1, -1});
    CHECK(input.dim_names == std::vector<std::string>{"batch", "", "", ""});
  }
  SUBCASE("no shape") {
    ::onnx::ModelProto model = identity();
    model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    CHECK(error_of(model) ==
          "m.onnx: input 'x': expected a shape with at least the number of dims");
  }
  SUBCASE("integers") {
    ::onnx::ModelProto model = identity();
    model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
        TensorProto::UINT8);
    CHECK(error_of(model) == "m.onnx: input 'x': expected floats, got UINT8");
  }
  SUBCASE("a sequence, an optional") {
    ::onnx::ModelProto model = identity();
    model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
    CHECK(error_of(model) == "m.onnx: input 'x': expected a tensor, got a sequence");
    model = identity();
    model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_optional_type();
    CHECK(error_of(model) == "m.onnx: output 'y': expected a tensor, got an optional");
  }
}

TEST_CASE("read_onnx: operators of other domains, or with subgraphs, are named") {
  ::onnx::ModelProto model = empty_model();
  ::onnx::NodeProto& fused = add_node(model, "FusedConv", {"x"}, {"a"});
  fused.set_domain("com.microsoft");
  add_attribute(fused, "blob", AttributeProto::STRING).set_s("\xff");
  ::onnx::NodeProto& branch = add_node(model, "If", {"a"}, {"y"});
  add_attribute(branch, "then_branch", AttributeProto::GRAPH).mutable_g()->set_name("then");
  const quench::onnx::OnnxModel read = parsed(model);
  CHECK(ops_of(read) == std::vector<std::string>{"com.microsoft.FusedConv", "If"});
  CHECK(read.nodes[0].attributes.empty());
  CHECK(read.nodes[1].attributes ==
        quench::onnx::OnnxAttributes{{"then_branch", quench::onnx::OnnxOther{"GRAPH"}}});

  auto& function = *model.add_functions();
  function.set_name("Conv");
  CHECK(error_of(model).find("got a function 'Conv' that redefines one") != std::string::npos);
  function.set_domain("com.microsoft");
  CHECK(ops_of(parsed(model)).size() == 2);
}

TEST_CASE("read_onnx: attributes") {
  const auto error_with = [](auto change) {
    ::onnx::ModelProto model = identity();
    change(*model.mutable_graph()->mutable_node(0));
    return error_of(model);
  };
  CHECK(error_with([](auto& node) {
          add_attribute(node, "axis", AttributeProto::INT).set_i(1);
          add_attribute(node, "axis", AttributeProto::INT).set_i(2);
        }) == "m.onnx: node 'y' (Identity): attribute 'axis': is given twice");
  CHECK(error_with([](auto& node) {
          add_attribute(node, "alpha", AttributeProto::FLOAT).set_f(std::stof("nan"));
        }) == "m.onnx: node 'y' (Identity): attribute 'alpha': expected a number, got nan");
  CHECK(error_with([](auto& node) {
          add_attribute(node, "mode", AttributeProto::STRING).set_s("a\xff");
        }) ==
        R"(m.onnx: node 'y' (Identity): attribute 'mode': expected a UTF-8 string, got 'a\xff')");
  CHECK(error_with([](auto& node) { node.add_attribute()->set_name("axis"); }) ==
        "m.onnx: node 'y' (Identity): attribute 'axis': expected a type");
}

TEST_CASE("read_onnx: names that must not appear in messages") {
  ::onnx::ModelProto model = identity();
  ::onnx::NodeProto& node = *model.mutable_graph()->mutable_node(0);
  node.set_name("\x1b[31mred");
  CHECK(
      error_of(model) ==
      R"(m.onnx: a node: expected a name in UTF-8 without control characters, got '\x1b[31mred')");
  node.set_name("overlong \xc0\x80, surrogate \xed\xa0\x80");
  CHECK(error_of(model).find(R"('overlong \xc0\x80, surrogate \xed\xa0\x80')") !=
        std::string::npos);
  node.set_name(std::string(5000, 'n'));
  CHECK(error_of(model) == "m.onnx: a node: expected a name of at most 4096 bytes, got 5000");
  node.set_name("schön 漢 🙂");
  CHECK(parsed(model).nodes.at(0).name == "schön 漢 🙂");
}

TEST_CASE("read_onnx: a file of empty messages does not take memory without limit") {
  // Every two bytes become a node of more than a hundred bytes.
  std::string nodes;
  for (int i = 0; i < (1 << 21); ++i) nodes += std::string("\x0a\0", 2);
  ::onnx::ModelProto model = identity();
  std::string bytes = model.SerializeAsString();
  const auto size =
      static_cast<unsigned>(nodes.size());  // of a graph that is merged with the first
  bytes += '\x3a';
  for (unsigned rest = size; rest != 0; rest >>= 7u)
    bytes += static_cast<char>((rest & 0x7fu) | (rest > 0x7f ? 0x80u : 0u));
  bytes += nodes;
  std::string error = "no error";
  try {
    quench::onnx::parse_onnx(std::as_bytes(std::span(bytes)), "m.onnx", "");
  } catch (const std::runtime_error& refusal) {
    error = refusal.what();
  }
  CHECK(error.find("bytes take more than 144 MiB of memory") != std::string::npos);
}

TEST_CASE("read_onnx: nested graphs, deeper than protobuf's limit") {
  ::onnx::ModelProto model = empty_model();
  ::onnx::NodeProto* node = &add_node(model, "If", {"x"}, {"y"});
  for (int depth = 0; depth < 200; ++depth) {
    ::onnx::GraphProto& graph =
        *add_attribute(*node, "then_branch", AttributeProto::GRAPH).mutable_g();
    node = graph.add_node();
  }
  CHECK(error_of(model) == "m.onnx: not an ONNX file, or a damaged one");
}
