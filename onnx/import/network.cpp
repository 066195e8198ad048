#include "onnx/import/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/import/head.h"
#include "onnx/import/input.h"
#include "onnx/import/operators.h"
#include "onnx/import/own_graphs.h"
#include "onnx/import/refusals.h"
#include "support/console.h"
#include "support/error.h"
#include "support/text_number.h"

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

/// What to do about a node that no module computes.
std::string unbuilt_reason(const OnnxNode& node, const Operator* op) {
  constexpr auto kControlFlow = std::to_array<std::string_view>({"If", "Loop", "Scan"});
  if (op != nullptr)
    return "expected it to compute sizes or constants, got one that reads activations, which "
           "quench "
           "has no layer for";
  if (std::ranges::find(kControlFlow, node.op) != kControlFlow.end())
    return "control flow is not built; export the network for images of one size, without branches "
           "that depend on them";
  if (node.op.find('.') != std::string::npos)
    return "not an operator of ONNX's own; if it is a function of the file, "
           "onnx.inliner.inline_local_functions(model) writes it out in ONNX's operators";
  return "quench does not build this operator (docs/onnx.md lists those that it builds); of steps "
         "before or after the network, onnx.utils.extract_model(from, to, [input], [output]) makes "
         "a "
         "file without them";
}

/// The node's attributes; none of a node that is refused.
Attributes read_attributes(const OnnxNode& node, bool depends_on_images, Refusals& refusals) {
  const Operator* op = find_operator(node.op);
  if (op == nullptr || (op->build == nullptr && depends_on_images)) {
    refusals.add(node, unbuilt_reason(node, op));
    return {};
  }
  try {
    AttributeReader reader(node);
    Attributes attributes = op->read(reader);
    reader.require_all_read();
    return attributes;
  } catch (const std::invalid_argument& error) {
    refusals.add(node, error.what());
    return {};
  }
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

/// The data's images as the graph takes them. What stands against its operators comes first.
Value images(const OnnxModel& model, const std::string& file, const models::ModelInput& input,
             const Refusals& refusals) {
  try {
    return input_value(model, file, input);
  } catch (const std::runtime_error&) {
    refusals.require_none();
    throw;
  }
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
      "{}: operator set {} is newer than {}, the last that quench knows, and is read as that one; "
      "onnx.version_converter.convert_version(model, {}) converts it",
      file, model.opset, kNewest, kNewest));
}

/// Numbers that the graph rounds to fewer bits on their way keep those of float32.
void remark_narrow_floats(const OnnxModel& model, const std::set<std::string>& activations,
                          const std::string& file) {
  constexpr std::int64_t kFloat16 = 10, kBfloat16 = 16;
  const auto narrows = [&](const OnnxNode& node) {
    if (node.op != "Cast" || !activations.contains(node.output)) return false;
    const auto to = node.attributes.find("to");
    return to != node.attributes.end() &&
           (to->second == OnnxAttribute(kFloat16) || to->second == OnnxAttribute(kBfloat16));
  };
  const auto count = std::ranges::count_if(model.nodes, narrows);
  if (count > 0)
    remark(
        fmt::format("{}: {} cast activations to floats of 16 bits; quench computes in float32 and "
                    "does not round them",
                    file, counted(count, "node")));
}

Built build_network(const OnnxModel& given, const std::string& file,
                    const models::ModelInput& input, const OnnxNetworkOptions& options,
                    Random& random) {
  const std::optional<OnnxModel> rewritten = with_scales_in_operands(given);
  const OnnxModel& model = rewritten ? *rewritten : given;
  remark_newer(model, file);
  Refusals refusals(file);
  const std::set<std::string> depends = activations(model);
  std::vector<Attributes> attributes;
  for (const OnnxNode& node : model.nodes)
    attributes.push_back(read_attributes(node, depends.contains(node.output), refusals));
  Builder builder(model, std::move(attributes), refusals, options, random);
  for (const OnnxNode& node : model.nodes) refusals.at(node, [&] { fold(builder, node); });
  builder.set_output({.output = model.input.name}, images(model, file, input, refusals));
  for (const OnnxNode& node : model.nodes) refusals.at(node, [&] { add(builder, node); });
  refusals.require_none();
  remark_narrow_floats(model, depends, file);
  try {
    const Value logits = builder.logits();
    return {builder.finish(logits), logits.channels};
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", output_of(model, file), error.what());
  }
}

}  // namespace

std::unique_ptr<Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                          const models::ModelInput& input,
                                          const OnnxNetworkOptions& options, Random& random) {
  auto [network, classes] = build_network(model, file, input, options, random);
  if (options.replace_head) {
    try {
      replace_head(*network, input.classes, random);
    } catch (const std::invalid_argument& error) {
      fail("{}: {}", file, error.what());
    }
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
