#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "onnx/file/model_proto.h"

using namespace quench;
using namespace quench::testing;
using ::onnx::AttributeProto;

namespace {

std::vector<std::string> names_of(const quench::onnx::OnnxModel& model) {
  std::vector<std::string> names;
  for (const quench::onnx::OnnxNode& node : model.nodes) names.push_back(node.output);
  return names;
}

}  // namespace

TEST_CASE("read_onnx: nodes in a computable order, without unneeded ones") {
  ::onnx::ModelProto model = empty_model();
  add_node(model, "Add", {"b", "a"}, {"y"});
  add_node(model, "Relu", {"a"}, {"unused"});
  add_node(model, "Relu", {"a"}, {"b"});
  add_node(model, "Nothing", {"nowhere"}, {"dead"});  // not needed, so it may dangle
  add_node(model, "Sigmoid", {"x"}, {"a"});
  CHECK(names_of(parsed(model)) == std::vector<std::string>{"a", "b", "y"});
}

TEST_CASE("read_onnx: a computable order in the file is kept") {
  ::onnx::ModelProto model = empty_model();
  add_node(model, "Relu", {"x"}, {"right"});
  add_node(model, "Relu", {"x"}, {"left"});
  add_node(model, "Add", {"left", "right"}, {"y"});
  CHECK(names_of(parsed(model)) == std::vector<std::string>{"right", "left", "y"});
}

TEST_CASE("read_onnx: a chain of 50000 nodes in reverse order") {
  constexpr int kNodes = 50'000;
  ::onnx::ModelProto model = empty_model();
  for (int i = kNodes; i > 0; --i) {
    add_node(model, "Relu", {i == 1 ? "x" : "v" + std::to_string(i - 1)},
             {i == kNodes ? "y" : "v" + std::to_string(i)});
  }
  const quench::onnx::OnnxModel read = parsed(model);
  REQUIRE(read.nodes.size() == kNodes);
  CHECK(read.nodes.front().output == "v1");
  CHECK(read.nodes.back().output == "y");
}

TEST_CASE("read_onnx: cycles, dangling inputs and duplicate names") {
  ::onnx::ModelProto model = empty_model();
  SUBCASE("a cycle") {
    add_node(model, "Add", {"x", "c"}, {"a"}).set_name("first");
    add_node(model, "Relu", {"a"}, {"b"});
    add_node(model, "Relu", {"b"}, {"c"}).set_name("third");
    add_node(model, "Relu", {"b"}, {"y"});
    CHECK(error_of(model) ==
          "m.onnx: nodes form a cycle: node 'first' (Add), node 'third' (Relu), "
          "node 'b' (Relu)");
  }
  SUBCASE("a node that reads itself") {
    add_node(model, "Add", {"x", "y"}, {"y"});
    CHECK(error_of(model) == "m.onnx: nodes form a cycle: node 'y' (Add)");
  }
  SUBCASE("a dangling input") {
    add_node(model, "Add", {"x", "lost"}, {"y"}).set_name("sum");
    CHECK(error_of(model) ==
          "m.onnx: node 'sum' (Add) reads 'lost', which is neither computed by a node nor a "
          "constant or input");
  }
  SUBCASE("an omitted optional input") {
    add_node(model, "Clip", {"x", "", ""}, {"y"});
    CHECK(parsed(model).nodes.at(0).inputs == std::vector<std::string>{"x", "", ""});
  }
  SUBCASE("two nodes with the same output") {
    add_node(model, "Relu", {"x"}, {"y"});
    add_node(model, "Sigmoid", {"x"}, {"y"});
    CHECK(error_of(model) == "m.onnx: two values have the name 'y'");
  }
  SUBCASE("a node that computes the input") {
    add_node(model, "Relu", {"x"}, {"y"});
    add_node(model, "Relu", {"y"}, {"x"});
    CHECK(error_of(model) == "m.onnx: two values have the name 'x'");
  }
  SUBCASE("a constant without a name") {
    add_tensor(model, "", ::onnx::TensorProto::FLOAT, {}).add_float_data(1.0f);
    add_node(model, "Relu", {"x"}, {"y"});
    CHECK(error_of(model) == "m.onnx: expected a name for every initializer, got none");
  }
  SUBCASE("two constants with the same name") {
    for (int i = 0; i < 2; ++i)
      add_tensor(model, "w", ::onnx::TensorProto::FLOAT, {}).add_float_data(1.0f);
    add_node(model, "Add", {"x", "w"}, {"y"});
    CHECK(error_of(model) == "m.onnx: two values have the name 'w'");
  }
  SUBCASE("too many nodes") {
    for (int i = 0; i <= 100'000; ++i) model.mutable_graph()->add_node();
    CHECK(error_of(model) == "m.onnx: expected at most 100000 nodes, got 100001");
  }
}

TEST_CASE("read_onnx: outputs after the first") {
  ::onnx::ModelProto model = empty_model();
  SUBCASE("may exist") {
    add_node(model, "Dropout", {"x"}, {"y", "mask"});
    CHECK(names_of(parsed(model)) == std::vector<std::string>{"y"});
  }
  SUBCASE("may not be read") {
    add_node(model, "Unique", {"x"}, {"a", "b"}).set_name("values");
    add_node(model, "Add", {"a", "b"}, {"sum"});
    add_node(model, "Mul", {"sum", "b"}, {"y"});
    CHECK(error_of(model) ==
          "m.onnx: expected nodes with one output, but others are read too: 'b' of node 'values' "
          "(Unique)");
  }
  SUBCASE("may not be outputs of the graph") {
    add_node(model, "MaxPool", {"x"}, {"a", "y"});
    CHECK(error_of(model) ==
          "m.onnx: expected nodes with one output, but others are read too: 'y' of node 'a' "
          "(MaxPool)");
  }
}

TEST_CASE("read_onnx: of several outputs, or values inside the graph, one is picked") {
  ::onnx::ModelProto model = empty_model();
  add_node(model, "Relu", {"x"}, {"a"});
  add_node(model, "Sigmoid", {"a"}, {"y"});
  add_node(model, "Unknown", {"nowhere"}, {"aux"});  // not needed, so it is not checked
  set_value(*model.mutable_graph()->add_output(), "aux", {1, 7});
  set_value(*model.mutable_graph()->add_value_info(), "a", {1, 2});
  const auto ending_at = [&](const std::string& output) {
    const std::string bytes = model.SerializeAsString();
    return quench::onnx::parse_onnx(std::as_bytes(std::span(bytes)), "m.onnx", "", output);
  };
  CHECK(names_of(ending_at("y")) == std::vector<std::string>{"a", "y"});
  CHECK(names_of(ending_at("a")) == std::vector<std::string>{"a"});
  CHECK(ending_at("a").output.dims == std::vector<std::int64_t>{1, 2});
  model.mutable_graph()->clear_value_info();
  CHECK(ending_at("a").output.name == "a");
  CHECK_THROWS_WITH_AS(ending_at("x"),
                       "m.onnx: expected model.output to name a value that a node computes, got "
                       "'x'; outputs are 'y', 'aux'",
                       std::runtime_error);
  CHECK(error_of(model) ==
        "m.onnx: expected one output, got 'y', 'aux'; select one with model.output = \"NAME\"");
}

TEST_CASE("read_onnx: a Split is a node for each output that is read") {
  ::onnx::ModelProto model = empty_model();
  add_node(model, "Split", {"x"}, {"a", "b", "c"}).set_name("thirds");
  add_node(model, "Add", {"c", "a"}, {"y"});
  const quench::onnx::OnnxModel read = parsed(model);
  REQUIRE(names_of(read) == std::vector<std::string>{"a", "c", "y"});
  for (const std::size_t i : {0, 1}) {
    CHECK(read.nodes[i].op == "Split");
    CHECK(read.nodes[i].name == "thirds");
    CHECK(read.nodes[i].output_count == 3);
  }
  CHECK(read.nodes[1].output_index == 2);
  ::onnx::NodeProto& node = *model.mutable_graph()->mutable_node(0);
  for (int i = 0; i < 1022; ++i) node.add_output("more" + std::to_string(i));
  CHECK(error_of(model) ==
        "m.onnx: node 'thirds' (Split): expected at most 1024 outputs, got 1025");
}

TEST_CASE("read_onnx: Constant nodes are constants") {
  ::onnx::ModelProto model = empty_model();
  ::onnx::NodeProto& node = add_node(model, "Constant", {}, {"c"});
  add_node(model, "Reshape", {"x", "c"}, {"y"});
  const auto constant = [&] {
    const quench::onnx::OnnxModel read = parsed(model);
    CHECK(names_of(read) == std::vector<std::string>{"y"});
    REQUIRE(read.constants.size() == 1);
    CHECK(read.constants[0].name == "c");
    return read.constants[0];
  };
  SUBCASE("of a tensor") {
    auto& tensor = *add_attribute(node, "value", AttributeProto::TENSOR).mutable_t();
    tensor.set_data_type(::onnx::TensorProto::INT64);
    tensor.add_dims(2);
    tensor.add_int64_data(0);
    tensor.add_int64_data(-1);
    CHECK(constant().dims == std::vector<std::int64_t>{2});
    CHECK(values_of<std::int64_t>(constant()) == std::vector<std::int64_t>{0, -1});
  }
  SUBCASE("of a list") {
    auto& list = add_attribute(node, "value_ints", AttributeProto::INTS);
    list.add_ints(1);
    list.add_ints(-1);
    CHECK(constant().dims == std::vector<std::int64_t>{2});
    CHECK(values_of<std::int64_t>(constant()) == std::vector<std::int64_t>{1, -1});
  }
  SUBCASE("of a number") {
    add_attribute(node, "value_float", AttributeProto::FLOAT).set_f(6.0f);
    CHECK(constant().dims.empty());
    CHECK(values_of<float>(constant()) == std::vector{6.0f});
  }
  SUBCASE("of a string") {
    add_attribute(node, "value_string", AttributeProto::STRING).set_s("text");
    CHECK(error_of(model) ==
          "m.onnx: node 'c' (Constant): attribute 'value_string': expected value, value_float, "
          "value_floats, value_int or value_ints of that type");
  }
  SUBCASE("of nothing") {
    CHECK(error_of(model) == "m.onnx: node 'c' (Constant): expected one attribute, got 0");
  }
}
