#include "onnx/import/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench {
namespace {

using namespace onnx_network;

void require_known_operators(const OnnxModel& model, const std::string& file) {
  std::map<std::string, std::vector<std::string>> unknown;
  for (const OnnxNode& node : model.nodes) {
    if (find_operator(node.op) == nullptr && find_fold(node.op) == nullptr)
      unknown[node.op].push_back("'" + name_of(node) + "'");
  }
  if (unknown.empty()) return;
  std::vector<std::string> list;
  for (const auto& [op, nodes] : unknown)
    list.push_back(fmt::format("{} (node {})", op, fmt::join(nodes, ", ")));
  fail("{}: {} that quench does not build: {}", file,
       list.size() == 1 ? "an operator" : fmt::format("{} operators", list.size()),
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

void add(Builder& builder, const OnnxNode& node) {
  if (builder.absorbed(node)) return builder.pass_on(node);
  const Fold fold = find_fold(node.op);
  if (const auto constants = builder.constants(node); constants && fold != nullptr)
    return builder.set_output(node, fold(node, *constants));
  const Build build = find_operator(node.op);
  require(build != nullptr,
          "expected constants, such as the sizes for a Reshape, got an activation");
  build(builder, node);
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

}  // namespace

std::unique_ptr<Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                          const models::ModelInput& input,
                                          const OnnxNetworkOptions& options, Random& random) {
  require_known_operators(model, file);
  Builder builder(model, options, random);
  builder.set_output({.output = model.input.name}, input_value(model, file, input));
  for (const OnnxNode& node : model.nodes) {
    at(fmt::format("{}: node '{}' ({})", file, name_of(node), node.op),
       [&] { add(builder, node); });
  }
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
