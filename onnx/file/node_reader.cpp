#include "onnx/file/node_reader.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "onnx/file/names.h"
#include "onnx/file/tensor_reader.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

using ::onnx::AttributeProto;

float checked(float value, const std::string& where) {
  if (std::isnan(value)) fail("{}: expected a number, got {}", where, value);
  return value;
}

std::vector<float> floats_of(const AttributeProto& proto, const std::string& where) {
  std::vector<float> values(proto.floats().begin(), proto.floats().end());
  for (const float value : values) checked(value, where);
  return values;
}

std::string text_of(const AttributeProto& proto, const std::string& where) {
  if (!is_utf8(proto.s())) fail("{}: expected a UTF-8 string, got {}", where, in_quotes(proto.s()));
  return proto.s();
}

OnnxAttribute read_attribute(const AttributeProto& proto, const std::string& where,
                             const std::string& file, TensorData& data) {
  switch (proto.type()) {
    case AttributeProto::INT:
      return proto.i();
    case AttributeProto::FLOAT:
      return checked(proto.f(), where);
    case AttributeProto::STRING:
      return text_of(proto, where);
    case AttributeProto::INTS:
      return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
    case AttributeProto::FLOATS:
      return floats_of(proto, where);
    case AttributeProto::TENSOR:
      return read_tensor(proto.t(), proto.name(), file, data);
    case AttributeProto::UNDEFINED:
      fail("{}: expected a type", where);
    default:
      return OnnxOther{AttributeProto::AttributeType_Name(proto.type())};
  }
}

bool is_qonnx(const std::string& domain) {
  return domain == kQonnx || domain == "onnx.brevitas" || domain == "finn.custom_op.general";
}

std::string describe_attribute(const ::onnx::NodeProto& node, const AttributeProto& attribute,
                               const std::string& file) {
  return fmt::format("{}: {}: attribute {}", file, describe(node), in_quotes(attribute.name()));
}

}  // namespace

bool is_own_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::string operator_name(const ::onnx::NodeProto& proto) {
  if (is_own_domain(proto.domain())) return proto.op_type();
  return (is_qonnx(proto.domain()) ? std::string(kQonnx) : proto.domain()) + "." + proto.op_type();
}

std::string describe(const ::onnx::NodeProto& proto) {
  std::string name = proto.name();
  if (name.empty() && proto.output_size() > 0) name = proto.output(0);
  return fmt::format("node {} ({})", in_quotes(name), operator_name(proto));
}

bool has_several_outputs(const ::onnx::NodeProto& proto) { return operator_name(proto) == "Split"; }

OnnxNode read_node(const ::onnx::NodeProto& proto, const std::string& file, TensorData& data) {
  OnnxNode node{.op = operator_name(proto),
                .inputs = {proto.input().begin(), proto.input().end()},
                .output = proto.output(0),
                .attributes = {},
                .name = proto.name()};
  if (!is_own_domain(proto.domain()) && !is_qonnx(proto.domain())) return node;
  for (const AttributeProto& attribute : proto.attribute()) {
    const std::string where = describe_attribute(proto, attribute, file);
    checked_name(attribute.name(), where);
    OnnxAttribute value = read_attribute(attribute, where, file, data);
    if (!node.attributes.emplace(attribute.name(), std::move(value)).second)
      fail("{}: is given twice", where);
  }
  return node;
}

OnnxTensor read_constant(const ::onnx::NodeProto& proto, const std::string& file,
                         TensorData& data) {
  const std::string& name = proto.output(0);
  if (proto.attribute_size() != 1)
    fail("{}: {}: expected one attribute, got {}", file, describe(proto), proto.attribute_size());
  const AttributeProto& value = proto.attribute(0);
  const std::string where = describe_attribute(proto, value, file);
  if (value.name() == "value" && value.type() == AttributeProto::TENSOR)
    return read_tensor(value.t(), name, file, data);
  if (value.name() == "value_float" && value.type() == AttributeProto::FLOAT)
    return make_tensor(name, {}, std::vector{checked(value.f(), where)});
  if (value.name() == "value_floats" && value.type() == AttributeProto::FLOATS)
    return make_tensor(name, {value.floats_size()}, floats_of(value, where));
  if (value.name() == "value_int" && value.type() == AttributeProto::INT)
    return make_tensor(name, {}, std::vector{std::int64_t{value.i()}});
  if (value.name() == "value_ints" && value.type() == AttributeProto::INTS)
    return make_tensor(name, {value.ints_size()},
                       std::vector<std::int64_t>(value.ints().begin(), value.ints().end()));
  fail("{}: expected value, value_float, value_floats, value_int or value_ints of that type",
       where);
}

}  // namespace quench::onnx
