#include "onnx/import/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/ops/reduce.h"
#include "layers/activation.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "onnx/import/rearrangement.h"
#include "quant/strategies/fixed.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// The largest activation of one image. Sizes from a file are untrusted.
constexpr std::int64_t kMaxWeights = std::int64_t{1} << 28;

/// Limits for computed constants, and for the bytes they are computed from, in total.
constexpr std::size_t kLeastComputed = std::size_t{64} << 20, kComputedPerByte = 8;
constexpr std::size_t kReadPerComputed = 4;

void require_fits(const Value& value) {
  std::int64_t rest = kMaxWeights;
  for (const std::int64_t size : {value.channels, value.height, value.width}) {
    require(size >= 1 && size <= rest,
            "{} values for one image: expected at least 1 and at most {}", value.text(),
            kMaxWeights);
    rest /= size;
  }
}

void require_parted(const Value& value, const std::string& name) {
  require(!value.joins_batch, "expected the batch first, got '{}', with all images in one row",
          name);
}

/// The grid of all values, if they share one.
std::optional<quant::QuantGrid> common_grid(const std::vector<Value>& values) {
  for (const Value& value : values)
    if (value.grid != values[0].grid) return std::nullopt;
  return values[0].grid;
}

/// Whether rounding the module's inputs and rounding its output are equivalent.
bool keeps_grid(layers::Module& module, const quant::QuantGrid& grid) {
  return std::visit(
      layers::Overloaded{
          [](layers::OneOf<layers::Extremum, layers::Concat, layers::SelectChannels,
                           layers::SelectPixels, layers::Upsample, layers::Rearrange,
                           layers::MaxPool2d, layers::Flatten, layers::Unflatten> auto) {
            return true;
          },
          [&](const layers::Pad*) { return !grid.binary(); },
          [&](const layers::ActivationLayer* layer) {
            return layer->activation() == Activation::relu && !grid.binary();
          },
          [](layers::OneOf<layers::Conv2d, layers::Linear, layers::BatchNorm, layers::GroupNorm,
                           layers::LocalResponseNorm, layers::ScaleShift, layers::PointwiseFunction,
                           layers::PRelu, layers::Add, layers::Multiply, layers::BilinearResize,
                           layers::AveragePool2d, layers::GlobalAveragePool> auto) {
            return false;
          },
          [](const layers::CustomLayer&) { return false; }},
      module.as_layer());
}

/// Dots separate the names of nested modules, so a module's own name has none.
std::string without_dots(std::string name) {
  name.erase(0, name.find_first_not_of('/'));
  std::ranges::replace(name, '.', '_');
  return name.empty() ? "node" : name;
}

}  // namespace

Builder::Builder(const OnnxModel& model, std::vector<Attributes> attributes,
                 const Refusals& refusals, const OnnxNetworkOptions& options, Random& random)
    : model_(model),
      attributes_(std::move(attributes)),
      refusals_(refusals),
      options_(options),
      random_(random) {
  bytes_left_ = kLeastComputed;
  for (const OnnxTensor& tensor : model.constants) {
    known_.emplace(tensor.name, Constant{&tensor, &tensor});
    bytes_left_ += kComputedPerByte * tensor.bytes.size();
  }
  reads_left_ = kReadPerComputed * bytes_left_;
  for (const OnnxNode& node : model.nodes) {
    writers_.emplace(node.output, &node);
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
  return found != known_.end() && std::holds_alternative<Constant>(found->second);
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
          "expected Softmax at the end of the network, but its output '{}' is read here",
          node.inputs[i]);
  require_parted(value, node.inputs[i]);
  require(!value.codes,
          "expected float32 values, got '{}', codes of a QuantizeLinear; only DequantizeLinear, "
          "Clip and operators that move values can read codes",
          node.inputs[i]);
  return value;
}

Value Builder::numbers(const OnnxNode& node, std::size_t i) {
  readable(node, i);
  return moved(node, i);
}

Value Builder::activation(const OnnxNode& node, std::size_t i) {
  const Value value = numbers(node, i);
  if (!value.viewed()) return value;
  return laid_out(node, i, value.flat() ? Layout::channels_first : value.layout);
}

/// The input as an image of this layout; inserts a rearrangement if needed.
Value Builder::laid_out(const OnnxNode& node, std::size_t i, Layout layout) {
  const Value value = numbers(node, i);
  if (value.layout == layout && !value.viewed()) return value;
  const Integers dims = value.dims();
  const bool last = layout == Layout::channels_last;
  require(dims.size() == 2 || dims.size() == 3, "expected an input {}, got {}",
          last ? "[N, H, W, C] or [N, L, C]" : "[N, C, H, W] or [N, C, L]", value.text());
  Integers axes(dims.size());
  std::iota(axes.begin(), axes.end(), 0);
  const Value image = rearranged(node.inputs[i] + "/image", value, axes, image_value(dims, layout));
  known_[node.inputs[i]] = image;
  return image;
}

Value Builder::rearranged(const std::string& name, const Value& value, const Integers& axes,
                          Value to) {
  auto moves = rearrangement(value, axes, to);
  require(moves.has_value(), "expected axes that split rows, columns or channels, got {} as {}",
          value.text(), to.text());
  to.probabilities = value.probabilities;
  return insert(name, std::make_shared<layers::Rearrange>(std::move(*moves)), {value},
                std::move(to));
}

Value Builder::pixels(const OnnxNode& node, std::size_t i) {
  return laid_out(node, i, Layout::channels_last);
}

Value Builder::like(const Value& other, const OnnxNode& node, std::size_t i) {
  const Value value = activation(node, i);
  const bool images = !value.flat() && !other.flat() && value.rank() == other.rank();
  return images && value.layout != other.layout ? laid_out(node, i, other.layout) : value;
}

Value Builder::aligned(const OnnxTensor& constant, const OnnxNode& node, std::size_t i) {
  const Value value = activation(node, i);
  const auto axis = axis_of_constant(constant, value);
  if (value.flat() || !axis || axis == static_cast<std::size_t>(value.channel_axis())) return value;
  if (*axis == 1) return image(node, i);
  return *axis + 1 == static_cast<std::size_t>(value.rank()) ? pixels(node, i) : value;
}

Value Builder::image_of_maxima(const OnnxNode& node) {
  const Value value = readable(node, 0);
  return value.pads_least ? value : image(node);
}

Value Builder::row_of_batch(const OnnxNode& node) const {
  Value value = bare_activation(node);
  value.joins_batch = false;
  return value;
}

Value Builder::unrepeated(const OnnxNode& node, std::size_t i) {
  const Value value = readable(node, i);
  return value.height == 1 && value.width == 1 && value.repeats() ? value : activation(node, i);
}

Value Builder::moved(const OnnxNode& node, std::size_t i) {
  Value value = bare_activation(node, i);
  require_parted(value, node.inputs[i]);
  if (!value.padded() && !value.repeats()) return value;
  value = value.padded() ? add_zeros(node.inputs[i], value) : repeat_pixels(node.inputs[i], value);
  known_[node.inputs[i]] = value;
  return value;
}

Value Builder::repeat_pixels(const std::string& name, const Value& value) {
  Value repeated = value;
  const auto [rows, columns] = std::exchange(repeated.repeated, {1, 1});
  repeated.height *= rows;
  repeated.width *= columns;
  const std::array factor{static_cast<int>(rows), static_cast<int>(columns)};
  return insert(name, std::make_shared<layers::Upsample>(factor), {value}, repeated);
}

Value Builder::add_zeros(const std::string& name, const Value& value) {
  require(!value.pads_least,
          "expected a MaxPool to read '{}', which is padded with the lowest value", name);
  Value padded = value;
  const Padding zeros = std::exchange(padded.padding, {});
  padded.height += zeros.top + zeros.bottom;
  padded.width += zeros.left + zeros.right;
  return insert(name, std::make_shared<layers::Pad>(layers::PadSizes{.image = zeros}), {value},
                padded);
}

Value Builder::image(const OnnxNode& node, std::size_t i) {
  return laid_out(node, i, Layout::channels_first);
}

Value Builder::unpadded_image(const OnnxNode& node, std::size_t i) {
  const Value value = readable(node, i);
  const bool as_it_is = value.layout == Layout::channels_first && !value.viewed() &&
                        !value.repeats() && !value.pads_least;
  return as_it_is ? value : image(node, i);
}

const Constant& Builder::any_constant(const OnnxNode& node, std::size_t i) const {
  const auto* constant = std::get_if<Constant>(&known(node, i));
  require(constant != nullptr,
          "expected input {} ('{}') to be a constant, got one that depends on the images", i + 1,
          node.inputs[i]);
  return *constant;
}

const OnnxTensor& Builder::constant(const OnnxNode& node, std::size_t i) const {
  const Constant& constant = any_constant(node, i);
  require(!constant.depends_on_batch(),
          "expected input {} ('{}') to be a constant, got one that depends on the number of images",
          i + 1, node.inputs[i]);
  return *constant.of_one;
}

Integers Builder::sizes(const OnnxNode& node, std::size_t i) const {
  const Constant& constant = any_constant(node, i);
  require(constant.of_one->dims.size() == 1, "expected a list of sizes, got {}",
          dims_text(constant.of_one->dims));
  Integers sizes = integers(*constant.of_one);
  const Integers of_many = integers(*constant.of_many);
  require(sizes.size() == of_many.size(),
          "expected the same number of sizes for any number of images, got {} for 1 image and {} "
          "for {}",
          sizes.size(), of_many.size(), kManyImages);
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    if (sizes[k] == of_many[k]) continue;
    require(sizes[k] == 1 && of_many[k] == kManyImages,
            "expected sizes that equal the number of images or do not depend on it, got {} for 1 "
            "image and {} for {}",
            sizes[k], of_many[k], kManyImages);
    sizes[k] = kBatch;
  }
  return sizes;
}

bool Builder::all_constant(const OnnxNode& node) const {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (has_input(node, i) && !is_constant(node, i)) return false;
  }
  return true;
}

bool Builder::depends_on_batch(const OnnxNode& node) const {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (has_input(node, i) && any_constant(node, i).depends_on_batch()) return true;
  }
  return false;
}

Constants Builder::constants(const OnnxNode& node, std::int64_t images) const {
  Constants result;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    result.push_back(nullptr);
    if (!has_input(node, i)) continue;
    const Constant& constant = any_constant(node, i);
    result.back() = images == 1 ? constant.of_one : constant.of_many;
  }
  return result;
}

bool Builder::take_equal(const OnnxNode& node) {
  if (node.op == "Identity") {
    known_[node.output] = known(node, 0);
    return true;
  }
  Computation computation{node.op, {}};
  for (const std::int64_t images : {std::int64_t{1}, kManyImages})
    for (const OnnxTensor* tensor : constants(node, images)) computation.second.push_back(tensor);
  const OnnxNode* first = computations_.try_emplace(std::move(computation), &node).first->second;
  if (first == &node || first->attributes != node.attributes ||
      first->output_index != node.output_index || first->output_count != node.output_count)
    return false;
  known_[node.output] = known_.at(first->output);
  return true;
}

bool Builder::shares_weight(const OnnxNode& node) {
  if (weight_readers_.empty()) {
    for (const OnnxNode& reader : model_.nodes)
      if ((reader.op == "Conv" || reader.op == "ConvTranspose" || reader.op == "Gemm" ||
           reader.op == "MatMul") &&
          is_constant(reader, 1))
        ++weight_readers_[any_constant(reader, 1).of_one];
  }
  return weight_readers_[any_constant(node, 1).of_one] > 1;
}

std::int64_t Builder::images() const {
  return model_.input.dims.empty() ? OnnxValue::kAnySize : model_.input.dims[0];
}

void Builder::set_output(const OnnxNode& node, Value value) {
  require_fits(value);
  // Weights are reordered by the blocks.
  std::int64_t features = 0;
  for (const FeatureBlock& block : value.blocks) features += block.channels * block.pixels;
  expect(value.blocks.empty() || features == value.channels,
         "onnx: expected blocks of {} channels, got {} ({})", value.channels, features, node.op);
  known_[node.output] = std::move(value);
}

const OnnxTensor* Builder::keep(const OnnxNode& node, OnnxTensor constant) {
  require(constant.bytes.size() <= bytes_left_,
          "computed constants take more memory than the file's own constants allow");
  bytes_left_ -= constant.bytes.size();
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!is_constant(node, i)) continue;
    const std::size_t read = any_constant(node, i).of_one->bytes.size();
    require(read <= reads_left_,
            "computed constants read more data than the file's own constants allow");
    reads_left_ -= read;
  }
  // A scalar may be infinite, to express a missing bound.
  if (constant.type == OnnxType::f32 && !constant.dims.empty()) {
    const std::string found = first_non_finite(floats(constant), constant.dims);
    require(found.empty(), "expected finite values, got {}", found);
  }
  constant.name = node.output;
  return &computed_.emplace_back(std::move(constant));
}

void Builder::set_output(const OnnxNode& node, OnnxTensor constant) {
  const OnnxTensor* kept = keep(node, std::move(constant));
  known_[node.output] = Constant{kept, kept};
}

void Builder::set_output(const OnnxNode& node, OnnxTensor of_one, OnnxTensor of_many) {
  const OnnxTensor* one = keep(node, std::move(of_one));
  const OnnxTensor* many = keep(node, std::move(of_many));
  known_[node.output] = Constant{one, *one == *many ? one : many};
}

void Builder::append(const OnnxNode& node, std::shared_ptr<layers::Module> module,
                     const std::vector<Value>& inputs, Value result) {
  set_output(node, insert(name_of(node), std::move(module), inputs, std::move(result)));
}

Value Builder::insert(const std::string& name, std::shared_ptr<layers::Module> module,
                      const std::vector<Value>& inputs, Value result) {
  require_fits(result);
  const std::string own_name = unique(without_dots(name));
  const std::vector<Value> read = quantize(*module, own_name, inputs, result);
  std::vector<layers::ValueId> ids;
  for (const Value& input : read) ids.push_back(input.id);
  result.id = network_->append(own_name, std::move(module), std::move(ids));
  return result;
}

std::vector<Value> Builder::quantize(layers::Module& module, const std::string& name,
                                     std::vector<Value> inputs, Value& result) {
  const std::optional<quant::QuantGrid> common = common_grid(inputs);
  result.grid.reset();
  result.codes = inputs[0].codes;  // which only what moves them reads
  if (layers::QuantizableModule* slots = module.as_quantizable()) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].grid) continue;
      const std::string slot =
          slots->input_count() == 1 ? name + ".input" : fmt::format("{}.input{}", name, i + 1);
      slots->set_input_quantizer(
          quant::make_fixed_quantizer(quant::Role::activation, *inputs[i].grid, {}, slot), i);
    }
  } else if (common && keeps_grid(module, *common)) {
    result.grid = common;
  } else {
    for (Value& input : inputs) input = rounded(name, std::move(input));
  }
  return inputs;
}

Value Builder::rounded(const std::string& name, Value value) {
  if (!value.grid) return value;
  const auto same = Pointwise::clip(ActivationRange::kUnbounded, ActivationRange::kUnbounded);
  const Value input = value;
  return insert(name + "/rounded", std::make_shared<layers::PointwiseFunction>(same), {input},
                std::move(value));
}

const OnnxNode* Builder::writer(const std::string& name) const {
  const auto found = writers_.find(name);
  return found == writers_.end() ? nullptr : found->second;
}

const OnnxNode* Builder::only_reader(const OnnxNode& node) const {
  const auto found = readers_.find(node.output);
  if (found == readers_.end() || found->second.size() != 1 || node.output == model_.output.name)
    return nullptr;
  const OnnxNode* reader = found->second[0];
  if (refusals_.contains(*reader)) return nullptr;
  for (std::size_t i = 0; i < reader->inputs.size(); ++i) {
    if (has_input(*reader, i) && reader->inputs[i] != node.output && !is_constant(*reader, i))
      return nullptr;
  }
  return reader;
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

Value Builder::logits() {
  const OnnxNode end{.op = "output", .inputs = {model_.output.name}};
  Value logits = moved(end);
  require(!logits.codes,
          "expected a float32 output, got codes of a QuantizeLinear; set model.output = \"NAME\" "
          "to the value before it");
  logits = rounded(model_.output.name, std::move(logits));
  const std::string text = logits.text();
  if (logits.flat()) {
    logits.view.clear();
  } else if (logits.height * logits.width == 1) {
    const Value image = logits;
    logits = insert("flatten", std::make_shared<layers::Flatten>(), {image}, flattened(image));
  }
  require(
      logits.flat(),
      "expected an output [N, classes], got {}; set model.output = \"NAME\" to an earlier value",
      text);
  require(same_order(logits),
          "expected one value per class, got {}, the pixels of {} channels in one row; the graph "
          "must end with a linear layer or a GlobalAveragePool",
          text, logits.blocks.empty() ? 0 : logits.blocks[0].channels);
  return logits;
}

std::unique_ptr<layers::Composite> Builder::finish(const Value& logits) {
  network_->set_output(logits.id);
  return std::move(network_);
}

}  // namespace quench::onnx
