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

namespace quench::onnx {
namespace {

/// Values that depend on the images' pixels, not only on their sizes.
std::set<std::string> activations(const OnnxModel& model) {
  std::set<std::string> result{model.input.name};
  for (const OnnxNode& node : model.nodes) {
    if (node.op == "Shape" || node.op == "Size") continue;
    const auto depends = [&](const std::string& input) { return result.contains(input); };
    if (std::ranges::any_of(node.inputs, depends)) result.insert(node.output);
  }
  return result;
}

/// The reason why no module computes a node, and what to do.
std::string unbuilt_reason(const OnnxNode& node, const Operator* op) {
  constexpr auto kControlFlow = std::to_array<std::string_view>({"If", "Loop", "Scan"});
  if (op != nullptr)
    return "expected a node that computes sizes or constants, got one that reads activations; "
           "quench has no layer for it";
  if (std::ranges::find(kControlFlow, node.op) != kControlFlow.end())
    return "control flow is not supported; export the network for a fixed image size, without "
           "branches that depend on it";
  if (node.op.find('.') != std::string::npos)
    return "not a standard ONNX operator; if the file defines it as a function, "
           "onnx.inliner.inline_local_functions(model) expands it";
  return "quench does not support this operator (docs/onnx.md lists the supported ones); to remove "
         "steps before or after the network, use onnx.utils.extract_model(from, to, [input], "
         "[output])";
}

/// The node's attributes; empty if the node is refused.
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

/// Evaluates a node of constants. This happens before the graph is built, because nodes look ahead
/// to bounds and statistics of later ones.
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

/// The data's images as the graph's input. Unsupported operators are reported first.
Value images(const OnnxModel& model, const std::string& file,
             const layers::models::ModelInput& input, const Refusals& refusals) {
  try {
    return input_value(model, file, input);
  } catch (const std::runtime_error&) {
    refusals.require_none();
    throw;
  }
}

struct Built {
  std::unique_ptr<layers::Composite> network;
  std::int64_t classes;
};

/// Operators may change their meaning in newer sets.
void remark_newer(const OnnxModel& model, const std::string& file) {
  constexpr std::int64_t kNewest = 24;
  if (model.opset <= kNewest) return;
  remark(
      fmt::format("{}: operator set {} is newer than {}, the newest that quench supports, and is "
                  "read as that one; onnx.version_converter.convert_version(model, {}) converts it",
                  file, model.opset, kNewest, kNewest));
}

/// Activations that the graph rounds to 16-bit floats stay float32.
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
        fmt::format("{}: {} cast activations to 16-bit floats; quench computes in float32 and does "
                    "not round them",
                    file, counted(count, "node")));
}

Built build_network(const OnnxModel& given, const std::string& file,
                    const layers::models::ModelInput& input, const OnnxNetworkOptions& options,
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

std::unique_ptr<layers::Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                                  const layers::models::ModelInput& input,
                                                  const OnnxNetworkOptions& options,
                                                  Random& random) {
  auto [network, classes] = build_network(model, file, input, options, random);
  if (options.replace_head) {
    try {
      replace_head(*network, input.classes, random);
    } catch (const std::invalid_argument& error) {
      fail("{}: {}", file, error.what());
    }
  } else if (classes != input.classes) {
    fail(
        "{}: expected the {} classes of the data, got {}; model.head = \"replace\" replaces the "
        "last layer",
        output_of(model, file), input.classes, classes);
  }
  return std::move(network);
}

layers::models::ModelInput onnx_model_input(const OnnxModel& model, const std::string& file) {
  layers::models::ModelInput input = images_of(model, file);
  for (std::size_t i = 1; i < model.output.dims.size(); ++i)
    input.classes = std::max(input.classes, model.output.dims[i]);
  if (input.classes > 0) return input;
  Random random(1, "initialization");
  input.classes = build_network(model, file, input, {.shapes_only = true}, random).classes;
  return input;
}

}  // namespace quench::onnx
