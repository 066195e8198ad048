#include "onnx/import/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "onnx/import/head.h"
#include "onnx/import/input.h"
#include "onnx/import/operators.h"
#include "onnx/import/own_graphs.h"
#include "support/console.h"
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
  if (builder.take_equal(node)) return;
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

std::string output_of(const OnnxModel& model, const std::string& file) {
  return fmt::format("{}: output '{}'", file, model.output.name);
}

struct Built {
  std::unique_ptr<Composite> network;
  std::int64_t classes;
};

/// Of sets that ONNX has published since, an operator may mean something else.
void remark_newer(const OnnxModel& model, const std::string& file) {
  constexpr std::int64_t kNewest = 24;
  if (model.opset <= kNewest) return;
  remark(fmt::format(
      "{}: operator set {} is newer than {}, the last that quench knows; it is read as that "
      "one",
      file, model.opset, kNewest));
}

Built build_network(const OnnxModel& given, const std::string& file,
                    const models::ModelInput& input, const OnnxNetworkOptions& options,
                    Random& random) {
  const std::optional<OnnxModel> rewritten = with_scales_in_operands(given);
  const OnnxModel& model = rewritten ? *rewritten : given;
  require_known_operators(model, file);
  remark_newer(model, file);
  std::vector<Attributes> attributes;
  for (const OnnxNode& node : model.nodes)
    at(node, file, [&] { attributes.push_back(read_attributes(node)); });
  Builder builder(model, std::move(attributes), options, random);
  for (const OnnxNode& node : model.nodes) at(node, file, [&] { fold(builder, node); });
  builder.set_output({.output = model.input.name}, input_value(model, file, input));
  for (const OnnxNode& node : model.nodes) at(node, file, [&] { add(builder, node); });
  Value logits;
  at(output_of(model, file), [&] { logits = builder.logits(); });
  return {builder.finish(logits), logits.channels};
}

}  // namespace

std::unique_ptr<Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                          const models::ModelInput& input,
                                          const OnnxNetworkOptions& options, Random& random) {
  auto [network, classes] = build_network(model, file, input, options, random);
  if (options.replace_head) {
    at(file, [&, &network = network] { replace_head(*network, input.classes, random); });
  } else if (classes != input.classes) {
    fail(
        "{}: expected the {} classes of the data, got {}; model.head = \"replace\" gives the "
        "network "
        "a new last layer for them",
        output_of(model, file), input.classes, classes);
  }
  return std::move(network);
}

models::ModelInput onnx_model_input(const OnnxModel& model, const std::string& file) {
  models::ModelInput input = images_of(model, file);
  for (std::size_t i = 1; i < model.output.dims.size(); ++i)
    input.classes = std::max(input.classes, model.output.dims[i]);
  if (input.classes > 0) return input;
  Random random(1, "initialization");
  input.classes = build_network(model, file, input, {.shapes_only = true}, random).classes;
  return input;
}

}  // namespace quench
