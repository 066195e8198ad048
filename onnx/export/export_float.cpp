#include "onnx/export/export_float.h"

#include <utility>

#include "layers/activation.h"
#include "layers/add.h"
#include "layers/batch_norm.h"
#include "layers/concat.h"
#include "layers/conv2d.h"
#include "layers/dataflow.h"
#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/multiply.h"
#include "layers/pad.h"
#include "layers/pointwise_function.h"
#include "layers/pool.h"
#include "layers/scale_shift.h"
#include "layers/unflatten.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// What stands in the graph for a tensor of the network. An image that the network has flattened is
/// still one: ONNX flattens it in another order, so whoever reads it has to know its size.
struct Exported {
  std::string name;
  std::int64_t channels = 0, height = 1, width = 1;
};

class FloatExporter {
 public:
  FloatExporter(Module& network, const Shape& image,
                const std::optional<PixelNormalization>& pixels)
      : images_(Tensor::zeros(image)),
        flow_(network, images_),
        graph_({image[1], image[2], image[3]}, pixels) {}

  OnnxModel run() {
    for (const Dataflow::Run& run : flow_.runs()) done_.push_back(emit(run));
    const Exported logits = of(flow_.output(), "the output");
    return graph_.finish(logits.name, logits.channels);
  }

 private:
  Exported of(const Tensor& tensor, const std::string& reader) const {
    if (const Dataflow::Run* writer = flow_.writer(tensor))
      return done_[static_cast<std::size_t>(writer - flow_.runs().data())];
    require(tensor.shares_storage_with(images_),
            "onnx: {} reads what a function between two modules computed; expected a network whose "
            "every step is a module",
            reader);
    return {graph_.images(), images_.dim(1), images_.dim(2), images_.dim(3)};
  }

  Exported emit(const Dataflow::Run& run) {
    const Module& module = *run.module;
    Exported input = of(run.inputs[0], module.name());
    if (dynamic_cast<const Flatten*>(&module) != nullptr ||
        dynamic_cast<const Unflatten*>(&module) != nullptr)
      return input;
    Exported result = size_of(run, input);
    if (const auto* conv = dynamic_cast<const Conv2d*>(&module)) {
      result.name = convolution(*conv, input);
    } else if (const auto* linear = dynamic_cast<const Linear*>(&module)) {
      result.name = this->linear(*linear, input);
    } else if (const auto* norm = dynamic_cast<const BatchNorm*>(&module)) {
      result.name = batch_norm(*norm, input);
    } else if (const auto* scale = dynamic_cast<const ScaleShift*>(&module)) {
      result.name = scale_shift(*scale, input);
    } else if (run.inputs.size() > 1) {
      result.name = of_several(run);
    } else {
      result.name = other(module, input);
    }
    return result;
  }

  /// Of what a module makes; a flattened image stays one if every number stays in its place.
  static Exported size_of(const Dataflow::Run& run, const Exported& input) {
    const Tensor& tensor = run.output;
    if (tensor.rank() == 4) return {{}, tensor.dim(1), tensor.dim(2), tensor.dim(3)};
    const bool in_place = tensor.dim(1) == input.channels * input.height * input.width &&
                          dynamic_cast<const QuantizedLayer*>(run.module) == nullptr;
    return in_place ? Exported{{}, input.channels, input.height, input.width}
                    : Exported{{}, tensor.dim(1)};
  }

  /// A sum, a product or a concatenation.
  std::string of_several(const Dataflow::Run& run) {
    const std::string& name = run.module->name();
    std::vector<std::string> inputs;
    const Exported first = of(run.inputs[0], name);
    for (const Tensor& tensor : run.inputs) {
      const Exported input = of(tensor, name);
      require(
          tensor.rank() == 4 || (input.height == first.height && input.width == first.width),
          "onnx: {} reads a flattened image beside other numbers; expected it before the flatten",
          name);
      inputs.push_back(input.name);
    }
    if (dynamic_cast<const Concat*>(run.module) != nullptr) {
      require(run.output.rank() == 4 || first.height * first.width == 1,
              "onnx: {} joins flattened images; expected the flatten behind it", name);
      return graph_.node("Concat", std::move(inputs), name, {{"axis", std::int64_t{1}}});
    }
    if (dynamic_cast<const Multiply*>(run.module) != nullptr)
      return graph_.node("Mul", std::move(inputs), name);
    const auto* sum = dynamic_cast<const Add*>(run.module);
    require(sum != nullptr, "onnx: {}: a module of several inputs that has no ONNX form", name);
    return graph_.activate(graph_.node("Add", std::move(inputs), name), sum->activation(), name);
  }

  std::string other(const Module& module, const Exported& input) {
    if (const auto* activation = dynamic_cast<const ActivationLayer*>(&module))
      return graph_.activate(input.name, activation->activation(), module.name());
    if (const auto* pool = dynamic_cast<const MaxPool2d*>(&module))
      return graph_.max_pool(input.name, pool->window(), module.name());
    if (const auto* pool = dynamic_cast<const AveragePool2d*>(&module))
      return graph_.average_pool(input.name, pool->window(), module.name());
    if (dynamic_cast<const GlobalAveragePool*>(&module) != nullptr)
      return graph_.node("GlobalAveragePool", {input.name}, module.name());
    if (const auto* pointwise = dynamic_cast<const PointwiseFunction*>(&module))
      return graph_.pointwise(input.name, pointwise->function(), module.name());
    const auto* pad = dynamic_cast<const Pad*>(&module);
    require(pad != nullptr,
            "onnx: {} has no ONNX form (it is neither a layer nor a sum, product, function, pool, "
            "batch norm, activation, scale, padding or concatenation)",
            module.name());
    const PadSizes& sizes = pad->sizes();
    return graph_.pad(input.name, sizes.channels_before, sizes.channels_after, sizes.image,
                      module.name());
  }

  std::string convolution(const Conv2d& layer, const Exported& input) {
    const Shape& shape = layer.weight().shape();
    std::vector<std::string> inputs{
        input.name, graph_.constant(layer.name() + ".weight", layer.weight().value().to_row_major(),
                                    {shape[0], shape[1], shape[2], shape[3]})};
    if (layer.bias().defined())
      inputs.push_back(
          graph_.constant(layer.name() + ".bias", layer.bias().value().span(), {shape[0]}));
    return graph_.node("Conv", std::move(inputs), layer.name(),
                       conv_attributes(layer.options().kernel_size, layer.options().params));
  }

  /// A convolution by a kernel of the size of its image, so that its input stays one: flattening has
  /// another order here, H, W, C, than in ONNX.
  std::string linear(const Linear& layer, const Exported& input) {
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
        input.name, graph_.constant(layer.name() + ".weight", columns,
                                    {outputs, input.channels, input.height, input.width})};
    if (layer.bias().defined())
      inputs.push_back(
          graph_.constant(layer.name() + ".bias", layer.bias().value().span(), {outputs}));
    return graph_.node("Conv", std::move(inputs), layer.name());
  }

  /// Numbers per channel, for a module that reads `input`.
  void require_channels(const Module& module, const Exported& input, std::int64_t numbers) const {
    require(numbers == input.channels,
            "onnx: {} has {} numbers for a flattened image of {} channels; expected it before the "
            "flatten, one number per channel",
            module.name(), numbers, input.channels);
  }

  std::string scale_shift(const ScaleShift& module, const Exported& input) {
    std::string x = input.name;
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

  std::string batch_norm(const BatchNorm& norm, const Exported& input) {
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

  Tensor images_;
  Dataflow flow_;
  OnnxGraph graph_;
  std::vector<Exported> done_;  // by run
};

}  // namespace

OnnxModel export_float(Module& network, const Shape& image,
                       const std::optional<PixelNormalization>& pixels) {
  return FloatExporter(network, image, pixels).run();
}

}  // namespace quench::deploy
