#include "onnx/file/write.h"

#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "support/error.h"
#include "support/file.h"

namespace quench::onnx {
namespace {

constexpr int kIrVersion = 7;                                // the first with operator set 13
constexpr int kUint4 = 21, kInt4 = 22, kInt4IrVersion = 10;  // missing in older ONNX libraries

int data_type(OnnxType type) {
  switch (type) {
    case OnnxType::f32:
      return ::onnx::TensorProto::FLOAT;
    case OnnxType::s8:
      return ::onnx::TensorProto::INT8;
    case OnnxType::u8:
      return ::onnx::TensorProto::UINT8;
    case OnnxType::s4:
      return kInt4;
    case OnnxType::u4:
      return kUint4;
    case OnnxType::s64:
      break;
  }
  return ::onnx::TensorProto::INT64;
}

bool is_half_byte(const OnnxTensor& tensor) {
  return tensor.type == OnnxType::s4 || tensor.type == OnnxType::u4;
}

/// Packs two 4-bit codes per byte, the low one first.
std::string packed(const SharedBytes& codes) {
  std::string result((codes.size() + 1) / 2, '\0');
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const int code = std::to_integer<int>(codes.data()[i]) & 15;
    result[i / 2] = static_cast<char>(result[i / 2] | (i % 2 == 0 ? code : code << 4));
  }
  return result;
}

void fill(::onnx::TensorProto& proto, const OnnxTensor& tensor) {
  proto.set_name(tensor.name);
  proto.set_data_type(data_type(tensor.type));
  for (const std::int64_t dim : tensor.dims) proto.add_dims(dim);
  if (is_half_byte(tensor)) {
    proto.set_raw_data(packed(tensor.bytes));
  } else {
    proto.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
  }
}

struct SetValue {
  ::onnx::AttributeProto& attribute;
  void operator()(std::int64_t value) const {
    attribute.set_type(::onnx::AttributeProto::INT);
    attribute.set_i(value);
  }
  void operator()(float value) const {
    attribute.set_type(::onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
  }
  void operator()(const std::string& value) const {
    attribute.set_type(::onnx::AttributeProto::STRING);
    attribute.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    attribute.set_type(::onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    attribute.set_type(::onnx::AttributeProto::FLOATS);
    for (const float value : values) attribute.add_floats(value);
  }
  void operator()(const OnnxTensor& tensor) const {
    attribute.set_type(::onnx::AttributeProto::TENSOR);
    fill(*attribute.mutable_t(), tensor);
  }
  void operator()(const OnnxOther& other) const {
    fail("attribute {}: expected numbers, a string or a tensor, got {}", attribute.name(),
         other.kind);
  }
};

void fill(::onnx::NodeProto& proto, const OnnxNode& node) {
  const std::size_t dot = node.op.rfind('.');
  if (dot != std::string::npos) proto.set_domain(node.op.substr(0, dot));
  proto.set_op_type(node.op.substr(dot == std::string::npos ? 0 : dot + 1));
  proto.set_name(node.name.empty() ? node.output : node.name);
  for (const std::string& input : node.inputs) proto.add_input(input);
  // Other outputs of a Split that are read have their own nodes.
  for (std::int64_t i = 0; i < node.output_count; ++i)
    proto.add_output(i == node.output_index ? node.output : fmt::format("{}/{}", node.output, i));
  for (const auto& [name, value] : node.attributes) {
    ::onnx::AttributeProto& attribute = *proto.add_attribute();
    attribute.set_name(name);
    std::visit(SetValue{attribute}, value);
  }
}

void fill(::onnx::ValueInfoProto& proto, const OnnxValue& value) {
  proto.set_name(value.name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  auto& shape = *type.mutable_shape();  // the checker requires a shape, even an unknown one
  for (const std::int64_t dim : value.dims) {
    auto& size = *shape.add_dim();
    if (dim == OnnxValue::kAnySize) {
      size.set_dim_param("N");
    } else {
      size.set_dim_value(dim);
    }
  }
}

/// The domains of operators that are not ONNX's own.
std::set<std::string> other_domains(const OnnxModel& model) {
  std::set<std::string> result;
  for (const OnnxNode& node : model.nodes) {
    const std::size_t dot = node.op.rfind('.');
    if (dot != std::string::npos) result.insert(node.op.substr(0, dot));
  }
  return result;
}

::onnx::ModelProto proto_of(const OnnxModel& model) {
  ::onnx::ModelProto proto;
  const bool half_bytes = std::ranges::any_of(model.constants, is_half_byte);
  proto.set_ir_version(half_bytes ? kInt4IrVersion : kIrVersion);
  proto.add_opset_import()->set_version(model.opset);
  for (const std::string& domain : other_domains(model)) {
    auto& import = *proto.add_opset_import();
    import.set_domain(domain);
    import.set_version(1);
  }
  proto.set_producer_name("quench");
  for (const auto& [key, value] : model.metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  ::onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name(model.name);
  fill(*graph.add_input(), model.input);
  fill(*graph.add_output(), model.output);
  for (const OnnxTensor& tensor : model.constants) fill(*graph.add_initializer(), tensor);
  for (const OnnxNode& node : model.nodes) fill(*graph.add_node(), node);
  return proto;
}

/// The newest operator set of the ONNX library.
std::int64_t newest_opset() {
  return ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map().at("").second;
}

}  // namespace

std::size_t write_onnx(const std::filesystem::path& path, const OnnxModel& model) {
  const ::onnx::ModelProto proto = proto_of(model);
  if (proto.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    fail("{}: expected less than 2 GiB, got {} bytes", path.string(), proto.ByteSizeLong());
  try {
    if (model.opset <= newest_opset()) ::onnx::checker::check_model(proto);
  } catch (const ::onnx::checker::ValidationError& error) {
    fail("{}: the ONNX checker rejects the network: {}", path.string(), error.what());
  }
  const std::string file = proto.SerializeAsString();
  write_file_atomically(path, file);
  return file.size();
}

}  // namespace quench::onnx
