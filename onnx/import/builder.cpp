#include "onnx/import/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "layers/shape_layers.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

/// No activation of one image is larger: what a file claims is not believed without end.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 28;

bool too_large(const Value& value) {
  std::int64_t rest = kMaxElements;
  for (const std::int64_t size : {value.channels, value.height, value.width}) {
    if (size < 1 || size > rest) return true;
    rest /= size;
  }
  return false;
}

/// A module's name has no dots, which part the names of modules.
std::string without_dots(std::string name) {
  name.erase(0, name.find_first_not_of('/'));
  std::ranges::replace(name, '.', '_');
  return name.empty() ? "node" : name;
}

}  // namespace

Builder::Builder(const OnnxModel& model, const OnnxNetworkOptions& options, Random& random)
    : model_(model), options_(options), random_(random) {
  for (const OnnxTensor& tensor : model.constants) known_.emplace(tensor.name, &tensor);
  for (const OnnxNode& node : model.nodes) {
    for (const std::string& input : node.inputs) readers_[input].push_back(&node);
  }
}

bool Builder::has_input(const OnnxNode& node, std::size_t i) {
  return i < node.inputs.size() && !node.inputs[i].empty();
}

const Builder::Known& Builder::known(const OnnxNode& node, std::size_t i) const {
  require(has_input(node, i), "expected an input {}, got none", i + 1);
  const auto found = known_.find(node.inputs[i]);
  require(found != known_.end(), "input '{}' has no value", node.inputs[i]);
  return found->second;
}

bool Builder::is_constant(const OnnxNode& node, std::size_t i) const {
  if (!has_input(node, i)) return false;
  const auto found = known_.find(node.inputs[i]);
  return found != known_.end() && std::holds_alternative<const OnnxTensor*>(found->second);
}

Value Builder::bare_activation(const OnnxNode& node, std::size_t i) const {
  const auto* value = std::get_if<Value>(&known(node, i));
  require(value != nullptr, "expected input {} ('{}') to depend on the images, got a constant",
          i + 1, node.inputs[i]);
  return *value;
}

Value Builder::readable(const OnnxNode& node, std::size_t i) const {
  Value value = bare_activation(node, i);
  require(!value.probabilities,
          "expected Softmax to end the network, but its output '{}' is read here", node.inputs[i]);
  return value;
}

Value Builder::activation(const OnnxNode& node, std::size_t i) {
  Value value = readable(node, i);
  if (!value.padded()) return value;
  value = add_zeros(node.inputs[i], value);
  known_[node.inputs[i]] = value;
  return value;
}

Value Builder::add_zeros(const std::string& name, const Value& value) {
  Value padded = value;
  const Padding zeros = std::exchange(padded.padding, {});
  padded.height += zeros.top + zeros.bottom;
  padded.width += zeros.left + zeros.right;
  return insert(name, std::make_shared<Pad>(PadSizes{.image = zeros}), {value}, padded);
}

Value Builder::image(const OnnxNode& node, std::size_t i) {
  unpadded_image(node, i);
  return activation(node, i);
}

Value Builder::unpadded_image(const OnnxNode& node, std::size_t i) const {
  Value value = readable(node, i);
  require(value.layout == Layout::channels_first, "expected an input [N, C, H, W], got {}{}",
          value.text(), value.flat() ? "" : " with channels last");
  return value;
}

const OnnxTensor& Builder::constant(const OnnxNode& node, std::size_t i) const {
  const auto* tensor = std::get_if<const OnnxTensor*>(&known(node, i));
  require(tensor != nullptr,
          "expected input {} ('{}') to be a constant, got one that depends on the images", i + 1,
          node.inputs[i]);
  return **tensor;
}

std::optional<Constants> Builder::constants(const OnnxNode& node) const {
  Constants result;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (has_input(node, i) && !is_constant(node, i)) return std::nullopt;
    result.push_back(has_input(node, i) ? &constant(node, i) : nullptr);
  }
  return result;
}

void Builder::set_output(const OnnxNode& node, Value value) {
  require(!too_large(value), "{} numbers for one image: expected at least 1 and at most {}",
          value.text(), kMaxElements);
  known_[node.output] = std::move(value);
}

void Builder::set_output(const OnnxNode& node, OnnxTensor constant) {
  constant.name = node.output;
  known_[node.output] = &computed_.emplace_back(std::move(constant));
}

void Builder::append(const OnnxNode& node, std::shared_ptr<Module> module,
                     const std::vector<Value>& inputs, Value result) {
  set_output(node, insert(name_of(node), std::move(module), inputs, std::move(result)));
}

Value Builder::insert(const std::string& name, std::shared_ptr<Module> module,
                      const std::vector<Value>& inputs, Value result) {
  std::vector<ValueId> ids;
  for (const Value& input : inputs) ids.push_back(input.id);
  result.id = network_->append(unique(without_dots(name)), std::move(module), std::move(ids));
  return result;
}

const OnnxNode* Builder::only_reader(const OnnxNode& node) const {
  const auto found = readers_.find(node.output);
  const bool one = found != readers_.end() && found->second.size() == 1;
  return one && node.output != model_.output.name ? found->second[0] : nullptr;
}

void Builder::pass_on(const OnnxNode& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (has_input(node, i) && !is_constant(node, i))
      return set_output(node, bare_activation(node, i));
  }
}

std::string Builder::unique(const std::string& name) {
  const int count = ++names_[name];
  return count == 1 ? name : unique(fmt::format("{}_{}", name, count));
}

std::unique_ptr<Module> Builder::finish(std::int64_t classes) {
  const OnnxNode end{.op = "output", .inputs = {model_.output.name}};
  Value logits = bare_activation(end);
  if (!logits.flat() && logits.height == 1 && logits.width == 1) {
    const Value image = logits;
    logits = insert("flatten", std::make_shared<Flatten>(), {image}, flattened(image));
  }
  require(logits.flat() && same_order(logits), "expected an output [N, classes], got {}",
          logits.text());
  require(logits.channels == classes, "expected an output for the {} classes of the data, got {}",
          classes, logits.text());
  network_->set_output(logits.id);
  return std::move(network_);
}

}  // namespace quench::onnx_network
