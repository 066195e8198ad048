#include "onnx/export/export_float.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "layers/linear.h"
#include "layers/normalization.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// The graph's counterpart of a network's tensor. A flattened image stays an image in the graph,
/// because ONNX flattens in a different order; readers need its size.
struct Exported {
  std::string name;
  std::int64_t channels = 0, height = 1, width = 1;
};

class FloatExporter {
 public:
  FloatExporter(layers::Module& network, const Shape& image,
                const std::optional<PixelNormalization>& pixels)
      : network_(network),
        shapes_(layers::value_shapes(network_, image)),
        graph_({image[1], image[2], image[3]}, pixels) {}

  OnnxModel run() {
    const Shape& image = shapes_[layers::Graph::kInput];
    done_.push_back({graph_.images(), image[1], image[2], image[3]});
    for (const layers::Graph::Node& node : network_.nodes()) done_.push_back(emit(node));
    const Exported& logits = done_[network_.output()];
    return graph_.finish(logits.name, logits.channels);
  }

 private:
  Exported emit(const layers::Graph::Node& node) {
    const Exported& input = done_[node.inputs[0]];
    const std::string& name = node.module->name();
    Exported result = size_of(node, input);
    result.name = std::visit(
        layers::Overloaded{
            [&](const layers::Conv2d* layer) { return convolution(*layer, input); },
            [&](const layers::Linear* layer) { return linear(*layer, input); },
            [&](const layers::BatchNorm* norm) { return batch_norm(*norm, input); },
            [&](const layers::GroupNorm* norm) { return group_norm(*norm, input); },
            [&](const layers::LocalResponseNorm* norm) {
              const LocalResponseParams& params = norm->params();
              require_image(node);
              return graph_.node("LRN", {input.name}, name,
                                 {{"size", params.size},
                                  {"alpha", params.alpha},
                                  {"beta", params.beta},
                                  {"bias", params.bias}});
            },
            [&](const layers::ScaleShift* layer) { return scale_shift(*layer, input); },
            [&](const layers::ActivationLayer* layer) {
              return graph_.activate(input.name, layer->activation(), name);
            },
            [&](const layers::PointwiseFunction* layer) {
              return graph_.pointwise(input.name, layer->function(), name);
            },
            [&](const layers::PRelu* layer) {
              const std::span<const float> slope = layer->slope().value().span();
              if (slope.size() > 1) require_channels(*layer, input, std::ssize(slope));
              return graph_.node(
                  "PRelu",
                  {input.name, graph_.constant(name + ".slope", slope, {std::ssize(slope), 1, 1})},
                  name);
            },
            [&](const layers::Add* sum) {
              const char* op = sum->sign() == layers::Sign::plus ? "Add" : "Sub";
              return graph_.activate(graph_.node(op, operands(node), name), sum->activation(),
                                     name);
            },
            [&](const layers::Multiply*) { return graph_.node("Mul", operands(node), name); },
            [&](const layers::Extremum* extremum) {
              const bool largest = extremum->kind() == layers::Extremum::Kind::largest;
              return graph_.node(largest ? "Max" : "Min", operands(node), name);
            },
            [&](const layers::SelectChannels* layer) {
              require_image(node);
              return graph_.select_channels(input.name, layer->channels(), name);
            },
            [&](const layers::Upsample* layer) {
              return graph_.upsample(input.name, layer->factor(), name);
            },
            [&](const layers::SelectPixels* layer) {
              return graph_.select_pixels(input.name, layer->rows(), layer->columns(), name);
            },
            [&](const layers::BilinearResize* layer) { return bilinear_resize(*layer, input); },
            [&](const layers::Rearrange* layer) {
              return graph_.rearrange(input.name, input.channels, layer->rearrangement(), name);
            },
            [&](const layers::Concat*) {
              std::vector<std::string> inputs = operands(node);
              require_image(node);
              return graph_.node("Concat", std::move(inputs), name, {{"axis", std::int64_t{1}}});
            },
            [&](const layers::Pad* pad) {
              const layers::PadSizes& sizes = pad->sizes();
              return graph_.pad(input.name, sizes.channels_before, sizes.channels_after,
                                sizes.image, name);
            },
            [&](const layers::MaxPool2d* pool) {
              return graph_.max_pool(input.name, pool->window(), name);
            },
            [&](const layers::AveragePool2d* pool) {
              return graph_.average_pool(input.name, pool->window(), name);
            },
            [&](const layers::GlobalAveragePool*) {
              return graph_.node("GlobalAveragePool", {input.name}, name);
            },
            [&](layers::OneOf<layers::Flatten, layers::Unflatten> auto) { return input.name; },
            [](const layers::CustomLayer& custom) -> std::string {
              throw std::invalid_argument(fmt::format(
                  "onnx: {} has no ONNX form (it is neither a layer nor a sum, product, function, "
                  "pool, batch norm, activation, scale, padding, concatenation or selection)",
                  custom.module->name()));
            }},
        node.layer);
    return result;
  }

  /// The size of a layer's output. A flattened image keeps its size if no value moves.
  Exported size_of(const layers::Graph::Node& node, const Exported& input) const {
    const Shape& shape = shapes_[node.output];
    if (std::holds_alternative<layers::Flatten*>(node.layer) ||
        std::holds_alternative<layers::Unflatten*>(node.layer))
      return input;
    if (shape.rank() == 4) return {{}, shape[1], shape[2], shape[3]};
    const bool in_place = shape[1] == input.channels * input.height * input.width &&
                          node.module->as_quantized_layer() == nullptr;
    return in_place ? Exported{{}, input.channels, input.height, input.width}
                    : Exported{{}, shape[1]};
  }

  /// Requires an input with channels: an image, or a vector that was never an image.
  void require_image(const layers::Graph::Node& node) const {
    const Exported& input = done_[node.inputs[0]];
    require(shapes_[node.inputs[0]].rank() == 4 || input.height * input.width == 1,
            "onnx: {} reads the channels of a flattened image; expected the flatten after it",
            node.module->name());
  }

  /// The inputs of a sum, a product, a concatenation or an extremum.
  std::vector<std::string> operands(const layers::Graph::Node& node) const {
    std::vector<std::string> inputs;
    const Exported& first = done_[node.inputs[0]];
    for (const layers::ValueId id : node.inputs) {
      const Exported& input = done_[id];
      require(
          shapes_[id].rank() == 4 || (input.height == first.height && input.width == first.width),
          "onnx: {} combines a flattened image with other values; expected it before the flatten",
          node.module->name());
      inputs.push_back(input.name);
    }
    return inputs;
  }

  std::string convolution(const layers::Conv2d& layer, const Exported& input) {
    const Shape& shape = layer.weight().shape();
    std::vector<std::string> inputs{
        input.name,
        parameter(layer.weight(), layer.name() + ".weight", layer.weight().value().to_row_major(),
                  {shape[0], shape[1], shape[2], shape[3]})};
    if (layer.bias().defined())
      inputs.push_back(
          parameter(layer.bias(), layer.name() + ".bias", layer.bias().value().span(), {shape[0]}));
    return graph_.node("Conv", std::move(inputs), layer.name(),
                       conv_attributes(layer.options().kernel_size, layer.options().params));
  }

  /// The constant of a parameter; layers that share a parameter with the same layout share the
  /// constant.
  const std::string& parameter(const Variable& parameter, const std::string& name,
                               std::span<const float> values, std::vector<std::int64_t> dims) {
    std::string& constant = constants_[{parameter.slot(), dims}];
    if (constant.empty()) constant = graph_.constant(name, values, std::move(dims));
    return constant;
  }

  /// A convolution whose kernel has the size of the image. It avoids flattening, because the order
  /// here is H, W, C and differs from ONNX's.
  std::string linear(const layers::Linear& layer, const Exported& input) {
    const std::int64_t outputs = layer.weight().shape()[0];
    const std::span<const float> weight = layer.weight().value().span();
    const std::int64_t pixels = input.height * input.width;
    std::vector<float> columns(weight.size());
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t c = 0; c < input.channels; ++c)
        for (std::int64_t p = 0; p < pixels; ++p)
          columns[static_cast<std::size_t>((o * input.channels + c) * pixels + p)] =
              weight[static_cast<std::size_t>((o * pixels + p) * input.channels + c)];
    std::vector<std::string> inputs{
        input.name, parameter(layer.weight(), layer.name() + ".weight", columns,
                              {outputs, input.channels, input.height, input.width})};
    if (layer.bias().defined())
      inputs.push_back(
          parameter(layer.bias(), layer.name() + ".bias", layer.bias().value().span(), {outputs}));
    return graph_.node("Conv", std::move(inputs), layer.name());
  }

  /// Requires one value per channel of `input`.
  void require_channels(const layers::Module& module, const Exported& input,
                        std::int64_t numbers) const {
    require(numbers == input.channels,
            "onnx: {} has {} values for a flattened image of {} channels; expected it before the "
            "flatten, with one value per channel",
            module.name(), numbers, input.channels);
  }

  std::string scale_shift(const layers::ScaleShift& module, const Exported& input) {
    std::string x = input.name;
    if (module.image().defined())
      return graph_.node(
          "Add",
          {x, graph_.constant(module.name() + ".image", module.image().to_row_major(),
                              {1, input.channels, input.height, input.width})},
          module.name());
    const auto step = [&](const char* op, const Variable& numbers, const char* what) {
      if (!numbers.defined()) return;
      const std::string name = fmt::format("{}.{}", module.name(), what);
      const std::span<const float> values = numbers.value().span();
      if (values.size() > 1) require_channels(module, input, std::ssize(values));
      const std::string constant =
          values.size() == 1 ? graph_.scalar(name, values[0]) : graph_.per_channel(name, values);
      x = graph_.node(op, {x, constant}, module.name());
    };
    step("Mul", module.scale(), "scale");
    step("Add", module.shift(), "shift");
    return x;
  }

  std::string bilinear_resize(const layers::BilinearResize& layer, const Exported& input) {
    using Coordinates = layers::BilinearResize::Coordinates;
    const auto& [size, scale, coordinates] = layer.options();
    const std::array from{input.height, input.width};
    const char* mode = coordinates == Coordinates::half_pixel           ? "half_pixel"
                       : coordinates == Coordinates::pytorch_half_pixel ? "pytorch_half_pixel"
                       : coordinates == Coordinates::align_corners      ? "align_corners"
                                                                        : "asymmetric";
    std::array scales{1.0f, 1.0f, scale[0], scale[1]};
    // Sizes would have to include the batch size. Scales define sizes rounded down.
    for (std::size_t i = 0; i < 2; ++i) {
      float& factor = scales[i + 2];
      while (static_cast<std::int64_t>(static_cast<float>(from[i]) * factor) < size[i])
        factor = std::nextafter(factor, std::numeric_limits<float>::max());
    }
    return graph_.node(
        "Resize", {input.name, "", graph_.constant(layer.name() + "/scales", scales, {4})},
        layer.name(),
        {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string(mode)}});
  }

  std::string group_norm(const layers::GroupNorm& norm, const Exported& input) {
    const auto& [channels, groups, eps, over] = norm.options();
    require_channels(norm, input, channels);
    return over == layers::GroupNorm::Over::image ? image_norm(norm, input)
                                                  : pixel_norm(norm, input);
  }

  /// Operator set 13 normalizes each channel separately, so the channels of a group are joined into
  /// one.
  std::string image_norm(const layers::GroupNorm& norm, const Exported& input) {
    const std::string& name = norm.name();
    const std::int64_t groups = norm.options().groups;
    const std::vector<float> ones(static_cast<std::size_t>(groups), 1.0f), zeros(ones.size());
    std::string x = graph_.reshape(input.name, {0, groups, -1}, name + "/groups");
    x = graph_.node("InstanceNormalization",
                    {x, graph_.constant(name + "/ones", ones, {groups}),
                     graph_.constant(name + "/zeros", zeros, {groups})},
                    name + "/normalized", {{"epsilon", norm.options().eps}});
    x = graph_.reshape(x, {0, input.channels, input.height, input.width}, name + "/joined");
    x = graph_.node("Mul", {x, graph_.per_channel(name + ".gain", norm.gain().value().span())},
                    name);
    return graph_.node("Add", {x, graph_.per_channel(name + ".bias", norm.bias().value().span())},
                       name);
  }

  std::string pixel_norm(const layers::GroupNorm& norm, const Exported& input) {
    constexpr std::int64_t kFirstWithLayerNorm = 17;
    graph_.require_opset(kFirstWithLayerNorm);
    const std::string& name = norm.name();
    const auto vector = [&](const char* what, const Variable& values) {
      return graph_.constant(name + what, values.value().span(), {input.channels});
    };
    const std::string x =
        graph_.node("LayerNormalization",
                    {graph_.transpose(input.name, {0, 2, 3, 1}, name + "/pixels"),
                     vector(".gain", norm.gain()), vector(".bias", norm.bias())},
                    name, {{"axis", std::int64_t{-1}}, {"epsilon", norm.options().eps}});
    return graph_.transpose(x, {0, 3, 1, 2}, name + "/image");
  }

  std::string batch_norm(const layers::BatchNorm& norm, const Exported& input) {
    require_channels(norm, input, norm.gain().shape()[0]);
    const auto vector = [&](const char* name, const Tensor& values) {
      return graph_.constant(fmt::format("{}.{}", norm.name(), name), values.span(),
                             {values.numel()});
    };
    const std::string x = graph_.node(
        "BatchNormalization",
        {input.name, vector("gain", norm.gain().value()), vector("bias", norm.bias().value()),
         vector("running_mean", norm.running_mean()), vector("running_var", norm.running_var())},
        norm.name(), {{"epsilon", norm.params().eps}});
    return graph_.activate(x, norm.params().activation, norm.name());
  }

  layers::Graph network_;
  std::vector<Shape> shapes_;
  OnnxGraph graph_;
  std::vector<Exported> done_;  // by ValueId
  std::map<std::pair<const GradientSlot*, std::vector<std::int64_t>>, std::string> constants_;
};

}  // namespace

OnnxModel export_float(layers::Module& network, const Shape& image,
                       const std::optional<PixelNormalization>& pixels) {
  return FloatExporter(network, image, pixels).run();
}

}  // namespace quench::onnx
