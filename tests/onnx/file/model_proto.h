#pragma once

#include <onnx/onnx_pb.h>

#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "onnx/file/read.h"
#include "support/file.h"

namespace quench::testing {

// ONNX models written by protobuf, valid or not.

inline void set_value(::onnx::ValueInfoProto& value, const std::string& name,
                      std::initializer_list<std::int64_t> dims) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  for (const std::int64_t dim : dims) type.mutable_shape()->add_dim()->set_dim_value(dim);
}

/// A model from `x` [1, 2] to `y` without nodes.
inline ::onnx::ModelProto empty_model() {
  ::onnx::ModelProto model;
  model.set_ir_version(7);
  model.add_opset_import()->set_version(13);
  model.mutable_graph()->set_name("graph");
  set_value(*model.mutable_graph()->add_input(), "x", {1, 2});
  set_value(*model.mutable_graph()->add_output(), "y", {1, 2});
  return model;
}

inline ::onnx::NodeProto& add_node(::onnx::ModelProto& model, const std::string& op,
                                   std::initializer_list<std::string> inputs,
                                   std::initializer_list<std::string> outputs) {
  ::onnx::NodeProto& node = *model.mutable_graph()->add_node();
  node.set_op_type(op);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  return node;
}

inline ::onnx::AttributeProto& add_attribute(::onnx::NodeProto& node, const std::string& name,
                                             ::onnx::AttributeProto::AttributeType type) {
  ::onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

inline ::onnx::TensorProto& add_tensor(::onnx::ModelProto& model, const std::string& name,
                                       int data_type, std::initializer_list<std::int64_t> dims) {
  ::onnx::TensorProto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(data_type);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

/// x + w, where the caller fills `w`.
inline ::onnx::ModelProto model_with_tensor(int data_type,
                                            std::initializer_list<std::int64_t> dims) {
  ::onnx::ModelProto model = empty_model();
  add_tensor(model, "w", data_type, dims);
  add_node(model, "Add", {"x", "w"}, {"y"}).set_name("sum");
  return model;
}

inline ::onnx::TensorProto& tensor_of(::onnx::ModelProto& model) {
  return *model.mutable_graph()->mutable_initializer(0);
}

inline onnx::OnnxModel parsed(const ::onnx::ModelProto& model,
                              const std::filesystem::path& folder = "") {
  const std::string bytes = model.SerializeAsString();
  return onnx::parse_onnx(std::as_bytes(std::span(bytes)), "m.onnx", folder);
}

/// The error of parse_onnx() for it.
inline std::string error_of(const ::onnx::ModelProto& model,
                            const std::filesystem::path& folder = "") {
  try {
    parsed(model, folder);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

template <typename T>
std::vector<T> values_of(const onnx::OnnxTensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

}  // namespace quench::testing
