#include "layers/graph.h"

#include <algorithm>
#include <utility>

#include "core/ops/pool.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/module.h"
#include "layers/normalization.h"
#include "layers/pool.h"
#include "layers/quantized_layer.h"
#include "layers/shape_layers.h"
#include "support/error.h"

namespace quench::layers {
namespace {

/// Computes a layer's output shape from its input shapes.
class OutputShape {
 public:
  OutputShape(const Module& module, std::vector<Shape> inputs)
      : name_(module.name()), inputs_(std::move(inputs)), input_(inputs_[0]) {}

  Shape operator()(const Conv2d* layer) const {
    return conv2d_output_shape(input_, layer->weight().shape(), layer->options().params);
  }
  Shape operator()(const Linear* layer) const {
    const Shape& weight = layer->weight().shape();
    require(input_.rank() == 2 && input_[1] == weight[1],
            "{}: linear: expected an input [N, {}], got {}", name_, weight[1], input_.to_string());
    return {input_[0], weight[0]};
  }
  Shape operator()(const BatchNorm* norm) const { return of_channels(norm->gain().shape()[0]); }
  Shape operator()(const GroupNorm* norm) const { return of_channels(norm->gain().shape()[0]); }
  Shape operator()(const LocalResponseNorm*) const { return input_; }
  Shape operator()(const ScaleShift* layer) const {
    if (layer->image().defined()) {
      require(input_.rank() == 4 && layer->image().shape() == input_.with(0, 1),
              "{}: expected images {}, got {}", name_, layer->image().shape().to_string(),
              input_.to_string());
      return input_;
    }
    const auto count = [](const Variable& values) {
      return values.defined() ? values.shape()[0] : 1;
    };
    const std::int64_t values = std::max(count(layer->scale()), count(layer->shift()));
    return values == 1 ? input_ : of_channels(values);
  }
  Shape operator()(const ActivationLayer*) const { return input_; }
  Shape operator()(const PointwiseFunction*) const { return input_; }
  Shape operator()(const PRelu* layer) const {
    const std::int64_t slopes = layer->slope().shape()[0];
    return slopes == 1 ? input_ : of_channels(slopes);
  }
  Shape operator()(OneOf<Add, Extremum> auto) const {
    for (const Shape& shape : inputs_)
      require(shape == input_, "{}: expected inputs of one shape, got {}", name_, shapes());
    return input_;
  }
  Shape operator()(const Multiply*) const {
    const Shape& other = inputs_[1];
    require(input_ == other || is_per_map(input_, other) || is_per_map(other, input_),
            "{}: expected factors of one shape, or [N, C, H, W] and [N, C, 1, 1], got {}", name_,
            shapes());
    return is_per_map(other, input_) ? other : input_;
  }
  Shape operator()(const Concat*) const {
    std::int64_t channels = 0;
    for (const Shape& shape : inputs_) {
      require(shape.rank() >= 2 && shape.with(1, 1) == input_.with(1, 1),
              "{}: expected inputs that differ in channels only, got {}", name_, shapes());
      channels += shape[1];
    }
    return input_.with(1, channels);
  }
  Shape operator()(const SelectChannels* layer) const {
    const std::int64_t most = std::ranges::max(layer->channels());
    require(input_.rank() >= 2 && most < input_[1], "{}: expected more than {} channels, got {}",
            name_, most, input_.to_string());
    return input_.with(1, std::ssize(layer->channels()));
  }
  Shape operator()(const Upsample* layer) const {
    of_image();
    return input_.with(2, input_[2] * layer->factor()[0]).with(3, input_[3] * layer->factor()[1]);
  }
  Shape operator()(const SelectPixels* layer) const {
    of_image();
    const std::int64_t rows = std::ranges::max(layer->rows()) + 1,
                       columns = std::ranges::max(layer->columns()) + 1;
    require(rows <= input_[2] && columns <= input_[3],
            "{}: expected an image of at least {}x{} pixels, got {}", name_, rows, columns,
            input_.to_string());
    return input_.with(2, std::ssize(layer->rows())).with(3, std::ssize(layer->columns()));
  }
  Shape operator()(const BilinearResize* layer) const {
    of_image();
    return input_.with(2, layer->options().size[0]).with(3, layer->options().size[1]);
  }
  Shape operator()(const Rearrange* layer) const {
    const std::vector<std::int64_t>& size = layer->rearrangement().size;
    const Shape result{input_[0], size[0], size[1], size[2]};
    require(input_.numel() == result.numel(), "{}: expected as many values as {}, got {}", name_,
            result.to_string(), input_.to_string());
    return result;
  }
  Shape operator()(const Pad* layer) const {
    const PadSizes& sizes = layer->sizes();
    const Padding& image = sizes.image;
    const Shape shape = input_.with(1, sizes.channels_before + input_[1] + sizes.channels_after);
    if (image == Padding{}) return shape;
    of_image();
    require(input_[2] + std::min(image.top, 0) + std::min(image.bottom, 0) >= 1 &&
                input_[3] + std::min(image.left, 0) + std::min(image.right, 0) >= 1,
            "{}: crops more rows or columns than the input {} has", name_, input_.to_string());
    return shape.with(2, image.top + input_[2] + image.bottom)
        .with(3, image.left + input_[3] + image.right);
  }
  Shape operator()(const MaxPool2d* layer) const { return pooled_shape(input_, layer->window()); }
  Shape operator()(const AveragePool2d* layer) const {
    return pooled_shape(input_, layer->window());
  }
  Shape operator()(const GlobalAveragePool*) const {
    of_image();
    return {input_[0], input_[1]};
  }
  Shape operator()(const Flatten*) const {
    return {input_[0], input_.numel() / std::max<std::int64_t>(input_[0], 1)};
  }
  Shape operator()(const Unflatten*) const {
    require(input_.rank() == 2, "{}: expected [N, C], got {}", name_, input_.to_string());
    return {input_[0], input_[1], 1, 1};
  }
  Shape operator()(const CustomLayer& layer) const {
    const NoGradGuard no_grad;
    const ModeGuard modes(*layer.module, false, quant::Mode::bypass);
    std::vector<Variable> zeros;
    for (const Shape& shape : inputs_) zeros.emplace_back(Tensor::zeros(shape));
    return (*layer.module)(zeros).shape();
  }

 private:
  Shape of_channels(std::int64_t channels) const {
    require(input_.rank() >= 2 && input_[1] == channels, "{}: expected {} channels, got {}", name_,
            channels, input_.to_string());
    return input_;
  }
  void of_image() const {
    require(input_.rank() == 4, "{}: expected [N, C, H, W], got {}", name_, input_.to_string());
  }
  std::string shapes() const {
    std::string result;
    for (const Shape& shape : inputs_)
      result += (result.empty() ? "" : " and ") + shape.to_string();
    return result;
  }

  const std::string& name_;
  std::vector<Shape> inputs_;
  const Shape& input_;
};

/// @throws std::logic_error  for a number of inputs that the layer rejects when it runs
void check_inputs(const Graph::Node& node) {
  const std::string& name = node.module->name();
  const std::size_t count = node.inputs.size();
  std::visit(
      Overloaded{[&](OneOf<Add, Multiply> auto) {
                   expect(count == 2, "{}: expected two inputs, got {}", name, count);
                 },
                 [&](OneOf<Concat, Extremum> auto) {
                   expect(count >= 2, "{}: expected several inputs, got one", name);
                 },
                 [](const CustomLayer&) {},
                 [&](OneOf<Conv2d, Linear, BatchNorm, GroupNorm, LocalResponseNorm, ScaleShift,
                           ActivationLayer, PointwiseFunction, PRelu, SelectChannels, SelectPixels,
                           Pad, Upsample, BilinearResize, Rearrange, MaxPool2d, AveragePool2d,
                           GlobalAveragePool, Flatten, Unflatten> auto) {
                   expect(count == 1, "{}: expected one input, got {}", name, count);
                 }},
      node.layer);
}

}  // namespace

Graph::Graph(Module& network) { output_ = network.lower(*this, {kInput}); }

ValueId Graph::append(Module& module, std::vector<ValueId> inputs) {
  expect(!inputs.empty() && std::ranges::max(inputs) <= nodes_.size(),
         "graph: {}: expected inputs among the {} values before it", module.name(),
         nodes_.size() + 1);
  const ValueId output = nodes_.size() + 1;
  nodes_.push_back({&module, module.as_layer(), std::move(inputs), output});
  return output;
}

const Graph::Node* Graph::writer(ValueId value) const {
  return value == kInput ? nullptr : &nodes_[value - 1];
}

std::vector<const Graph::Node*> Graph::readers(ValueId value) const {
  std::vector<const Node*> result;
  for (const Node& node : nodes_)
    if (std::ranges::count(node.inputs, value) > 0) result.push_back(&node);
  return result;
}

const Graph::Node* Graph::only_reader(ValueId value) const {
  const auto found = readers(value);
  return found.size() == 1 && value != output_ ? found[0] : nullptr;
}

std::vector<Shape> value_shapes(const Graph& graph, const Shape& image) {
  std::vector<Shape> shapes{image};
  for (const Graph::Node& node : graph.nodes()) {
    check_inputs(node);
    std::vector<Shape> inputs;
    for (const ValueId input : node.inputs) inputs.push_back(shapes[input]);
    shapes.push_back(std::visit(OutputShape(*node.module, std::move(inputs)), node.layer));
  }
  return shapes;
}

std::vector<std::vector<ValueId>> last_reads(const std::vector<std::vector<ValueId>>& inputs,
                                             ValueId output) {
  std::vector<std::vector<ValueId>> result(inputs.size());
  ValueId largest = output;
  for (const std::vector<ValueId>& read : inputs)
    for (const ValueId id : read) largest = std::max(largest, id);
  std::vector<bool> read(largest + 1);
  read[output] = true;
  for (std::size_t i = inputs.size(); i-- > 0;) {
    for (const ValueId input : inputs[i]) {
      if (!read[input]) result[i].push_back(input);
      read[input] = true;
    }
  }
  return result;
}

std::vector<LayerTrace> trace_layers(Module& network, const Shape& image) {
  const Graph graph(network);
  const std::vector<Shape> shapes = value_shapes(graph, image);
  std::vector<LayerTrace> result;
  for (const Graph::Node& node : graph.nodes()) {
    QuantizableModule* module = node.module->as_quantizable();
    const QuantizedLayer* layer = node.module->as_quantized_layer();
    if (module == nullptr || (layer == nullptr && !module->quantizes())) continue;
    LayerTrace trace{node.module->name(), shapes[node.inputs[0]], shapes[node.output], {}, 0};
    if (layer != nullptr) {
      trace.weight = layer->weight().shape();
      // Every output element is a dot product with one slice of the weight.
      trace.macs =
          trace.output.numel() / trace.output[0] * (trace.weight.numel() / trace.weight[0]);
    }
    result.push_back(std::move(trace));
  }
  return result;
}

}  // namespace quench::layers
