#include "onnx/import/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench {
namespace {

using namespace onnx_network;

/// Nodes whose values depend on the images', not on their sizes alone.
std::set<std::string> activations(const OnnxModel& model) {
  std::set<std::string> result{model.input.name};
  for (const OnnxNode& node : model.nodes) {
    if (node.op == "Shape" || node.op == "Size") continue;
    const auto depends = [&](const std::string& input) { return result.contains(input); };
    if (std::ranges::any_of(node.inputs, depends)) result.insert(node.output);
  }
  return result;
}

/// "Resize (2 nodes: 'up1', 'up2')"
std::string operator_text(const std::string& op, const std::vector<std::string>& nodes) {
  constexpr std::size_t kNamed = 3;
  std::vector<std::string> named;
  for (std::size_t i = 0; i < std::min(nodes.size(), kNamed); ++i)
    named.push_back("'" + nodes[i] + "'");
  if (nodes.size() > kNamed) named.push_back("...");
  return nodes.size() == 1
             ? fmt::format("{} (node {})", op, named[0])
             : fmt::format("{} ({} nodes: {})", op, nodes.size(), fmt::join(named, ", "));
}

/// Names all operators at once that no module computes, where they are not of constants.
void require_known_operators(const OnnxModel& model, const std::string& file) {
  const std::set<std::string> depends = activations(model);
  std::map<std::string, std::vector<std::string>> unknown;
  for (const OnnxNode& node : model.nodes) {
    const Operator* op = find_operator(node.op);
    if (op == nullptr || (op->build == nullptr && depends.contains(node.output)))
      unknown[node.op].push_back(name_of(node));
  }
  if (unknown.empty()) return;
  constexpr std::size_t kNamed = 20;
  std::vector<std::string> list;
  for (const auto& [op, nodes] : unknown) list.push_back(operator_text(op, nodes));
  if (list.size() > kNamed) {
    list.resize(kNamed);
    list.push_back("...");
  }
  fail("{}: {} that quench does not build: {}; docs/onnx.md lists those that it builds", file,
       unknown.size() == 1 ? "an operator" : fmt::format("{} operators", unknown.size()),
       fmt::join(list, "; "));
}

std::string input_text(const OnnxValue& input) {
  std::vector<std::string> sizes;
  for (std::size_t i = 0; i < input.dims.size(); ++i) {
    const bool open = input.dims[i] == OnnxValue::kAnySize;
    const bool named = open && i < input.dim_names.size() && !input.dim_names[i].empty();
    sizes.push_back(named ? input.dim_names[i] : open ? "?" : std::to_string(input.dims[i]));
  }
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

void require_sizes(const OnnxModel& model, const std::string& file) {
  const OnnxValue& input = model.input;
  if (input.dims.size() != 4)
    fail("{}: input '{}': expected images [N, C, H, W] or [N, H, W, C], got {}", file, input.name,
         input_text(input));
  for (std::size_t i = 1; i < 4; ++i) {
    if (input.dims[i] != OnnxValue::kAnySize) continue;
    fail(
        "{}: input '{}': expected a size for every dim but the batch, got {}; export with fixed "
        "sizes "
        "(PyTorch: no dynamic_axes but of the batch), or set them: "
        "onnx.tools.update_model_dims.update_inputs_outputs_dims",
        file, input.name, input_text(input));
  }
}

/// The images as the graph's input lays them out.
Value input_value(const OnnxModel& model, const std::string& file, const models::ModelInput& data) {
  require_sizes(model, file);
  Value value{.channels = data.channels, .height = data.height, .width = data.width};
  const std::vector<std::int64_t> sizes(model.input.dims.begin() + 1, model.input.dims.end());
  if (sizes == value.dims()) return value;
  value.layout = Layout::channels_last;
  if (sizes == value.dims()) return value;
  fail("{}: input '{}' takes images {}, but the data has some of [N, {}, {}, {}]", file,
       model.input.name, input_text(model.input), data.channels, data.height, data.width);
}

/// Runs what reads or adds nodes; its complaints become those of the file.
template <typename Function>
void at(const std::string& place, Function function) {
  try {
    function();
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", place, error.what());
  }
}

template <typename Function>
void at(const OnnxNode& node, const std::string& file, Function function) {
  at(fmt::format("{}: node '{}' ({})", file, name_of(node), node.op), function);
}

Attributes read_attributes(const OnnxNode& node) {
  AttributeReader reader(node);
  Attributes attributes = find_operator(node.op)->read(reader);
  reader.require_all_read();
  return attributes;
}

/// Computes a node of constants, those of the graph first: bounds and statistics have to be known to the
/// nodes before them, which look ahead.
void fold(Builder& builder, const OnnxNode& node) {
  const Operator& op = *find_operator(node.op);
  if (op.fold == nullptr || builder.has_value(node.output) || !builder.all_constant(node)) return;
  const auto of = [&](std::int64_t images) {
    return op.fold(builder.attributes(node), builder.constants(node, images));
  };
  if (!builder.depends_on_batch(node)) return builder.set_output(node, of(1));
  builder.set_output(node, of(1), of(kManyImages));
}

void add(Builder& builder, const OnnxNode& node) {
  fold(builder, node);
  if (builder.has_value(node.output)) return;
  if (builder.absorbed(node)) return builder.pass_on(node);
  find_operator(node.op)->build(builder, node);
}

}  // namespace

std::unique_ptr<Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                          const models::ModelInput& input,
                                          const OnnxNetworkOptions& options, Random& random) {
  require_known_operators(model, file);
  std::vector<Attributes> attributes;
  for (const OnnxNode& node : model.nodes)
    at(node, file, [&] { attributes.push_back(read_attributes(node)); });
  Builder builder(model, std::move(attributes), options, random);
  for (const OnnxNode& node : model.nodes) at(node, file, [&] { fold(builder, node); });
  builder.set_output({.output = model.input.name}, input_value(model, file, input));
  for (const OnnxNode& node : model.nodes) at(node, file, [&] { add(builder, node); });
  std::unique_ptr<Module> network;
  at(fmt::format("{}: output '{}'", file, model.output.name),
     [&] { network = builder.finish(input.classes); });
  return network;
}

models::ModelInput onnx_model_input(const OnnxModel& model, const std::string& file) {
  require_sizes(model, file);
  const std::vector<std::int64_t>& dims = model.input.dims;
  // Images have few channels, and more rows and columns.
  const bool last = dims[3] < dims[1];
  models::ModelInput input{.channels = dims[last ? 3 : 1],
                           .height = dims[last ? 1 : 2],
                           .width = dims[last ? 2 : 3],
                           .classes = 0};
  for (std::size_t i = 1; i < model.output.dims.size(); ++i)
    input.classes = std::max(input.classes, model.output.dims[i]);
  if (input.classes < 1)
    fail("{}: output '{}': expected [N, classes], got {}", file, model.output.name,
         input_text(model.output));
  return input;
}

}  // namespace quench
