#include "onnx/file/read.h"

#include <fmt/format.h>
#include <onnx/common/version.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "onnx/file/names.h"
#include "onnx/file/node_order.h"
#include "onnx/file/node_reader.h"
#include "onnx/file/parse_proto.h"
#include "onnx/file/tensor_data.h"
#include "onnx/file/tensor_reader.h"
#include "support/error.h"
#include "support/shared_bytes.h"
#include "support/text_list.h"

namespace quench::onnx {
namespace {

using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TypeProto;
using ::onnx::ValueInfoProto;

constexpr std::int64_t kMinIr = 3;     // later versions only add fields
constexpr std::int64_t kMinOpset = 7;  // the first with the broadcasting rules of all later ones

void check_ir(const ModelProto& proto, const std::string& file) {
  if (!proto.has_ir_version() || !proto.has_graph())
    fail("{}: not an ONNX file, or a damaged one", file);
  if (proto.ir_version() < kMinIr)
    fail("{}: expected IR version {} or newer, got {}", file, kMinIr, proto.ir_version());
}

std::int64_t opset_of(const ModelProto& proto, const std::string& file) {
  std::int64_t version = 0;
  for (const auto& import : proto.opset_import()) {
    if (is_own_domain(import.domain())) version = std::max<std::int64_t>(version, import.version());
  }
  if (version < kMinOpset)
    fail(
        "{}: expected operator set {} or newer, got {}; "
        "onnx.version_converter.convert_version(model, "
        "13) converts it",
        file, kMinOpset, version);
  for (const auto& function : proto.functions()) {
    if (is_own_domain(function.domain()))
      fail("{}: expected ONNX's standard operators, got a function {} that redefines one", file,
           in_quotes(function.name()));
  }
  return version;
}

void check_names(const GraphProto& graph, const std::string& file) {
  const auto check = [](const auto& names, const std::string& what) {
    for (const std::string& name : names) checked_name(name, what);
  };
  checked_name(graph.name(), file + ": the graph");
  for (const auto& tensor : graph.initializer())
    checked_name(tensor.name(), file + ": an initializer");
  for (const auto& input : graph.input()) checked_name(input.name(), file + ": an input");
  for (const auto& output : graph.output()) checked_name(output.name(), file + ": an output");
  for (const NodeProto& node : graph.node()) {
    checked_name(node.name(), file + ": a node");
    checked_name(node.op_type(), file + ": an operator");
    checked_name(node.domain(), file + ": a domain");
    check(node.input(), file + ": a node's input");
    check(node.output(), file + ": a node's output");
  }
}

std::string names_of(const std::vector<const ValueInfoProto*>& values) {
  std::vector<std::string> names;
  for (const ValueInfoProto* value : values) names.push_back(in_quotes(value->name()));
  return names.empty() ? "none" : listed(names);
}

/// A type that is not a tensor, e.g. "a sequence".
const char* kind_of(const TypeProto& type) {
  switch (type.value_case()) {
    case TypeProto::kSequenceType:
      return "a sequence";
    case TypeProto::kMapType:
      return "a map";
    case TypeProto::kOptionalType:
      return "an optional";
    case TypeProto::kSparseTensorType:
      return "a sparse tensor";
    default:
      return "no type";
  }
}

OnnxValue read_value(const ValueInfoProto& proto, const std::string& where) {
  OnnxValue value{.name = proto.name(), .dims = {}};
  if (!proto.type().has_tensor_type())
    fail("{}: expected a tensor, got {}", where, kind_of(proto.type()));
  constexpr int kMaxRank = 64;
  const auto& shape = proto.type().tensor_type().shape();
  if (shape.dim_size() > kMaxRank)
    fail("{}: expected at most {} dims, got {}", where, kMaxRank, shape.dim_size());
  for (const auto& dim : shape.dim()) {
    // Exporters write 0 and -1 for unknown sizes.
    const bool known = dim.has_dim_value() && dim.dim_value() > 0;
    value.dims.push_back(known ? std::int64_t{dim.dim_value()} : OnnxValue::kAnySize);
    value.dim_names.push_back(known ? "" : checked_name(dim.dim_param(), where + ": a dim"));
  }
  return value;
}

OnnxValue read_input(const GraphProto& graph, const std::string& file) {
  std::unordered_map<std::string_view, int> constants;
  for (const auto& tensor : graph.initializer()) constants.emplace(tensor.name(), 0);
  std::vector<const ValueInfoProto*> inputs;
  for (const ValueInfoProto& input : graph.input()) {
    if (!constants.contains(input.name())) inputs.push_back(&input);
  }
  if (inputs.size() != 1)
    fail(
        "{}: expected one input (the images), got {}; cut the graph with "
        "onnx.utils.extract_model(from, to, [input], [output])",
        file, names_of(inputs));
  const std::string where = fmt::format("{}: input {}", file, in_quotes(inputs[0]->name()));
  OnnxValue value = read_value(*inputs[0], where);
  if (!inputs[0]->type().tensor_type().has_shape())
    fail("{}: expected a shape with at least the number of dims", where);
  using ::onnx::TensorProto;
  const int type = inputs[0]->type().tensor_type().elem_type();
  constexpr std::array kFloats{TensorProto::FLOAT, TensorProto::FLOAT16, TensorProto::DOUBLE,
                               TensorProto::BFLOAT16};
  if (std::ranges::find(kFloats, type) == kFloats.end())
    fail("{}: expected floats, got {}", where, type_name(type));
  return value;
}

/// The file's declaration of the value `chosen`, or of the only output if `chosen` is empty.
OnnxValue read_output(const GraphProto& graph, const std::string& chosen, const std::string& file) {
  std::vector<const ValueInfoProto*> outputs;
  for (const ValueInfoProto& output : graph.output()) outputs.push_back(&output);
  if (chosen.empty() && outputs.size() != 1)
    fail("{}: expected one output, got {}; select one with model.output = \"NAME\"", file,
         names_of(outputs));
  const std::string& name = chosen.empty() ? outputs[0]->name() : chosen;
  for (const auto* values : {&graph.output(), &graph.value_info()}) {
    const auto found = std::ranges::find(*values, name, &ValueInfoProto::name);
    if (found != values->end())
      return read_value(*found, fmt::format("{}: output {}", file, in_quotes(name)));
  }
  const auto computes = [&](const NodeProto& node) {
    return std::ranges::find(node.output(), name) != node.output().end();
  };
  if (std::ranges::none_of(graph.node(), computes))
    fail("{}: expected model.output to name a value that a node computes, got {}; outputs are {}",
         file, in_quotes(name), names_of(outputs));
  return {.name = name, .dims = {}};
}

using Names = std::unordered_set<std::string_view>;

/// Reads the constants that nodes use, in the file's order.
void read_constants(const GraphProto& graph, const Names& read, const std::string& file,
                    TensorData& data, OnnxModel& model) {
  for (const auto& tensor : graph.initializer()) {
    if (!read.contains(tensor.name())) continue;
    model.constants.push_back(read_tensor(tensor, tensor.name(), file, data));
  }
}

/// Adds a node for each output that is read.
void read_nodes(const NodeProto& proto, const Names& read, const std::string& file,
                TensorData& data, OnnxModel& model) {
  constexpr int kMaxOutputs = 1024;
  OnnxNode node = read_node(proto, file, data);
  if (!has_several_outputs(proto)) return model.nodes.push_back(std::move(node));
  node.output_count = proto.output_size();
  if (proto.output_size() > kMaxOutputs)
    fail("{}: {}: expected at most {} outputs, got {}", file, describe(proto), kMaxOutputs,
         proto.output_size());
  for (int i = 0; i < proto.output_size(); ++i) {
    node.output = proto.output(i);
    node.output_index = i;
    if (read.contains(node.output)) model.nodes.push_back(node);
  }
}

bool is_constant(const NodeProto& node) { return operator_name(node) == "Constant"; }

OnnxModel model_of(const SharedBytes& bytes, const std::string& file,
                   const std::filesystem::path& folder, const std::string& output) {
  const ParsedModel parsed(bytes, file);
  const ModelProto& proto = *parsed;
  check_ir(proto, file);
  const GraphProto& graph = proto.graph();
  check_names(graph, file);
  if (graph.sparse_initializer_size() > 0)
    fail("{}: sparse initializers are not supported, got {}", file,
         in_quotes(graph.sparse_initializer(0).values().name()));

  OnnxModel model{.name = graph.name(),
                  .opset = opset_of(proto, file),
                  .input = read_input(graph, file),
                  .output = read_output(graph, output, file)};
  for (const auto& entry : proto.metadata_props()) {
    if (is_utf8(entry.key()) && is_utf8(entry.value()))
      model.metadata.emplace(entry.key(), entry.value());
  }

  const std::vector<const NodeProto*> nodes = needed_nodes(graph, model.output.name, file);
  const auto reads_input = [&](const NodeProto* node) {
    return std::ranges::find(node->input(), model.input.name) != node->input().end();
  };
  if (std::ranges::none_of(nodes, reads_input))
    fail("{}: output {} does not depend on the input {}", file, in_quotes(model.output.name),
         in_quotes(model.input.name));
  Names read{model.output.name};
  for (const NodeProto* node : nodes) read.insert(node->input().begin(), node->input().end());
  TensorData data(bytes, folder);
  read_constants(graph, read, file, data, model);
  for (const NodeProto* node : nodes) {
    if (is_constant(*node)) {
      model.constants.push_back(read_constant(*node, file, data));
    } else {
      read_nodes(*node, read, file, data, model);
    }
  }
  return model;
}

}  // namespace

OnnxModel parse_onnx(std::span<const std::byte> bytes, const std::string& name,
                     const std::filesystem::path& folder, const std::string& output) {
  return model_of(std::vector<std::byte>(bytes.begin(), bytes.end()), name, folder, output);
}

OnnxModel read_onnx(const std::filesystem::path& path, const std::string& output) {
  return model_of(map_file(path), path.string(), path.parent_path(), output);
}

std::string onnx_version() { return ::onnx::LAST_RELEASE_VERSION; }

}  // namespace quench::onnx
