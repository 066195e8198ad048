#include "onnx/import/own_graphs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "onnx/import/arrays.h"

namespace quench::onnx {
namespace {

/// The float whose product with `factor` is `product`; null if none exists.
std::optional<float> exact_quotient(float product, float factor) {
  constexpr int kUlps = 4;
  for (const float direction : {0.0f, std::numeric_limits<float>::infinity()}) {
    float candidate = product / factor;
    for (int i = 0; i <= kUlps; ++i) {
      if (factor * candidate == product && candidate > 0.0f && std::isfinite(candidate))
        return candidate;
      candidate = std::nextafter(candidate, direction);
    }
  }
  return std::nullopt;
}

class Rewriter {
 public:
  explicit Rewriter(const OnnxModel& model) : model_(model) {
    for (std::size_t i = 0; i < model_.constants.size(); ++i)
      constants_.emplace(model_.constants[i].name, i);
  }

  OnnxModel run() {
    name_comparisons();
    index();
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) move_scale(i);
    add_new_nodes();
    drop_unread();
    return std::move(model_);
  }

 private:
  OnnxNode& node(std::size_t i) { return model_.nodes[i]; }
  bool is_output(const std::string& name) const { return name == model_.output.name; }
  /// A name that is not used yet.
  std::string new_name(std::string name) const {
    do name += "/in_operands";
    while (constants_.contains(name) || writers_.contains(name) || model_.input.name == name);
    return name;
  }
  void index() {
    writers_.clear();
    readers_.clear();
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      writers_.emplace(node(i).output, i);
      for (const std::string& input : node(i).inputs) readers_[input].push_back(i);
    }
  }
  /// The node that computes `name`, if it has this operator; else null.
  OnnxNode* writer(const std::string& name, const char* op) {
    const auto found = writers_.find(name);
    if (found == writers_.end() || node(found->second).op != op) return nullptr;
    return &node(found->second);
  }
  OnnxNode* only_reader(const std::string& name, const char* op) {
    const auto found = readers_.find(name);
    if (found == readers_.end() || found->second.size() != 1 || is_output(name)) return nullptr;
    OnnxNode& reader = node(found->second[0]);
    return reader.op == op && !is_output(reader.output) ? &reader : nullptr;
  }
  /// The values of a float constant; empty for anything else.
  std::vector<float> numbers(const OnnxNode& reader, std::size_t i) const {
    if (i >= reader.inputs.size()) return {};
    const auto found = constants_.find(reader.inputs[i]);
    if (found == constants_.end()) return {};
    const OnnxTensor& tensor = model_.constants[found->second];
    return tensor.type == OnnxType::f32 ? floats(tensor) : std::vector<float>{};
  }
  std::string add_constant(const std::string& name, Dims dims, const std::vector<float>& values) {
    OnnxTensor tensor = tensor_of(std::move(dims), values);
    tensor.name = new_name(name);
    constants_.emplace(tensor.name, model_.constants.size());
    model_.constants.push_back(tensor);
    return tensor.name;
  }

  void name_comparisons();
  void move_scale(std::size_t i);
  bool move_to_weight(OnnxNode& conv, float input_scale);
  bool drop_factor(const std::string& product, float factor);
  std::optional<float> scale_of_steps(const std::string& name);
  std::string real(const std::string& steps);
  void pass_by(const OnnxNode& passed, const std::string& input);
  void add_new_nodes();
  void drop_unread();

  OnnxModel model_;
  std::map<std::string, std::size_t> constants_, writers_;
  std::map<std::string, std::vector<std::size_t>> readers_;
  std::map<std::string, OnnxNode>
      real_;  // by the output of the DequantizeLinear for q - zero_point
};

/// Replaces Where(x < 0, -1, 1), possibly times a scale, by BipolarQuant.
void Rewriter::name_comparisons() {
  index();
  const std::string op = std::string(kQonnx) + ".BipolarQuant";
  const std::vector<float> minus{-1.0f}, plus{1.0f}, zero{0.0f};
  for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
    OnnxNode& where = node(i);
    if (where.op != "Where" || numbers(where, 1) != minus || numbers(where, 2) != plus) continue;
    const OnnxNode* less = writer(where.inputs[0], "Less");
    if (less == nullptr || numbers(*less, 1) != zero) continue;
    const std::string x = less->inputs[0];
    for (const std::size_t reader : readers_[where.output]) {
      OnnxNode& scaled = node(reader);
      if (scaled.op != "Mul") continue;
      const std::vector<float> scale = numbers(scaled, 1);
      if (scale.size() == 1 && scale[0] > 0.0f)
        scaled = {op, {x, scaled.inputs[1]}, scaled.output, {}, scaled.name};
    }
    where = {op, {x, add_constant(where.output, {}, plus)}, where.output, {}, where.name};
  }
}

/// The scale of codes that are read as q - zero_point, by a DequantizeLinear with scale 1.
std::optional<float> Rewriter::scale_of_steps(const std::string& name) {
  const std::vector<float> one{1.0f};
  if (const auto* bipolar = writer(name, "qonnx.custom_op.general.BipolarQuant"))
    return numbers(*bipolar, 1) == one ? std::optional(1.0f) : std::nullopt;
  const OnnxNode* dequantize = writer(name, "DequantizeLinear");
  if (dequantize == nullptr || numbers(*dequantize, 1) != one) return std::nullopt;
  const OnnxNode* quantize = writer(dequantize->inputs[0], "QuantizeLinear");
  if (quantize == nullptr) return std::nullopt;
  const std::vector<float> scale = numbers(*quantize, 1);
  return scale.size() == 1 && scale[0] > 0.0f ? std::optional(scale[0]) : std::nullopt;
}

/// The name of the real values of these codes.
std::string Rewriter::real(const std::string& steps) {
  const OnnxNode* dequantize = writer(steps, "DequantizeLinear");
  if (dequantize == nullptr) return steps;
  if (const auto known = real_.find(steps); known != real_.end()) return known->second.output;
  OnnxNode copy = *dequantize;
  copy.inputs[1] = writer(copy.inputs[0], "QuantizeLinear")->inputs[1];
  copy.output = new_name(copy.output);
  copy.name = copy.output;
  return real_.emplace(steps, copy).first->second.output;
}

void Rewriter::move_scale(std::size_t i) {
  OnnxNode& at = node(i);
  if (at.inputs.empty()) return;
  const std::optional<float> scale = scale_of_steps(at.inputs[0]);
  if (!scale) return;
  if (at.op == "Conv" && move_to_weight(at, *scale)) at.inputs[0] = real(at.inputs[0]);
  if (at.op == "AveragePool" && drop_factor(at.output, *scale)) at.inputs[0] = real(at.inputs[0]);
  if (at.op != "Mul" || at.inputs.size() != 2) return;
  const std::optional<float> other = scale_of_steps(at.inputs[1]);
  if (!other || !drop_factor(at.output, *scale * *other)) return;
  for (std::string& input : at.inputs) input = real(input);
}

bool Rewriter::move_to_weight(OnnxNode& conv, float input_scale) {
  OnnxNode* weight = conv.inputs.size() == 2 ? writer(conv.inputs[1], "DequantizeLinear") : nullptr;
  if (weight == nullptr || readers_[weight->output].size() != 1) return false;
  const auto is_one = [](float x) { return x == 1.0f; };
  const std::vector<float> ones = numbers(*weight, 1);
  if (ones.empty() || !std::ranges::all_of(ones, is_one)) return false;
  const OnnxNode* pool = only_reader(conv.output, "MaxPool");
  const OnnxNode* product = only_reader(pool != nullptr ? pool->output : conv.output, "Mul");
  if (product == nullptr) return false;
  std::vector<float> scales = numbers(*product, 1);
  if (scales.empty()) return false;
  for (float& scale : scales) {
    const std::optional<float> of_weight = exact_quotient(scale, input_scale);
    if (!of_weight) return false;
    scale = *of_weight;
  }
  if (ones.size() == 1 && std::ranges::count(scales, scales[0]) == std::ssize(scales))
    scales.resize(1);
  const Dims dims = scales.size() == 1 ? Dims{} : Dims{std::ssize(scales)};
  weight->inputs[1] = add_constant(weight->inputs[1], dims, scales);
  weight->attributes["axis"] = std::int64_t{0};
  pass_by(*product, product->inputs[0]);
  return true;
}

/// Removes the only reader of a product if it multiplies it by `factor`.
bool Rewriter::drop_factor(const std::string& product, float factor) {
  const OnnxNode* scaled = only_reader(product, "Mul");
  if (scaled == nullptr || numbers(*scaled, 1) != std::vector{factor}) return false;
  pass_by(*scaled, product);
  return true;
}

/// Makes all readers of `passed` read `input`.
void Rewriter::pass_by(const OnnxNode& passed, const std::string& input) {
  const std::string name = passed.output;
  const std::vector<std::size_t> of_passed = readers_[name];
  for (const std::size_t reader : of_passed) std::ranges::replace(node(reader).inputs, name, input);
  readers_[input] = of_passed;
}

void Rewriter::add_new_nodes() {
  std::vector<OnnxNode> nodes;
  for (OnnxNode& each : model_.nodes) {
    const auto found = real_.find(each.output);
    nodes.push_back(std::move(each));
    if (found != real_.end()) nodes.push_back(found->second);
  }
  model_.nodes = std::move(nodes);
}

void Rewriter::drop_unread() {
  std::set<std::string> read{model_.output.name};
  std::vector<OnnxNode> kept;
  for (auto each = model_.nodes.rbegin(); each != model_.nodes.rend(); ++each) {
    if (!read.contains(each->output)) continue;
    read.insert(each->inputs.begin(), each->inputs.end());
    kept.push_back(std::move(*each));
  }
  std::ranges::reverse(kept);
  model_.nodes = std::move(kept);
}

}  // namespace

std::optional<OnnxModel> with_scales_in_operands(const OnnxModel& model) {
  // Other graphs are not copied.
  std::set<std::string> ones;
  for (const OnnxTensor& tensor : model.constants) {
    if (tensor.type == OnnxType::f32 && tensor.bytes.size() == sizeof(float) &&
        floats(tensor)[0] == 1.0f)
      ones.insert(tensor.name);
  }
  const auto has_steps = [&](const OnnxNode& node) {
    const bool reads_one = node.inputs.size() > 1 && ones.contains(node.inputs[1]);
    return node.op == "Where" || (node.op == "DequantizeLinear" && reads_one);
  };
  if (std::ranges::none_of(model.nodes, has_steps)) return std::nullopt;
  return Rewriter(model).run();
}

}  // namespace quench::onnx
