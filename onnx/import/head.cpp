#include "onnx/import/head.h"

#include <fmt/format.h>

#include <stdexcept>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/normalization.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// The replacement of a layer between the head and the output; null if the layer works for any
/// number of classes.
class ForClasses {
 public:
  ForClasses(std::int64_t classes, Random& random) : classes_(classes), random_(random) {}

  std::shared_ptr<layers::Module> operator()(const layers::Conv2d* layer) const {
    layers::Conv2dOptions options = layer->options();
    options.out_channels = classes_;
    return std::make_shared<layers::Conv2d>(options, random_);
  }
  std::shared_ptr<layers::Module> operator()(const layers::Linear* layer) const {
    return std::make_shared<layers::Linear>(
        layers::LinearOptions{.in_features = layer->weight().shape()[1],
                              .out_features = classes_,
                              .bias = layer->bias().defined()},
        random_);
  }
  std::shared_ptr<layers::Module> operator()(const layers::BatchNorm* norm) const {
    return std::make_shared<layers::BatchNorm>(classes_, norm->params());
  }
  std::shared_ptr<layers::Module> operator()(
      layers::OneOf<layers::ActivationLayer, layers::PointwiseFunction, layers::Upsample,
                    layers::BilinearResize, layers::MaxPool2d, layers::AveragePool2d,
                    layers::GlobalAveragePool, layers::Flatten, layers::Unflatten> auto) const {
    return nullptr;
  }
  std::shared_ptr<layers::Module> operator()(
      layers::OneOf<layers::GroupNorm, layers::LocalResponseNorm, layers::ScaleShift, layers::PRelu,
                    layers::Add, layers::Multiply, layers::Extremum, layers::Concat,
                    layers::SelectChannels, layers::SelectPixels, layers::Rearrange,
                    layers::Pad> auto layer) const {
    return refuse(*layer);
  }
  std::shared_ptr<layers::Module> operator()(const layers::CustomLayer& layer) const {
    return refuse(*layer.module);
  }

 private:
  [[noreturn]] static std::shared_ptr<layers::Module> refuse(const layers::Module& module) {
    throw std::invalid_argument(
        fmt::format("model.head = \"replace\": expected a layer with a weight, and only pools, "
                    "activations or batch norms between it and the output, got '{}'; set "
                    "model.output = \"NAME\" to a value before it",
                    module.name()));
  }

  std::int64_t classes_;
  Random& random_;
};

}  // namespace

void replace_head(layers::Composite& network, std::int64_t classes, Random& random) {
  require(!layers::is_quantized(network),
          "model.head = \"replace\": expected a float network, got one with quantizers, whose "
          "grids fit its own weights; model.quantizers = \"none\" selects the float network");
  const layers::Graph graph(network);
  const layers::Graph::Node* node = graph.writer(graph.output());
  bool found = false;
  while (node != nullptr && !found) {
    found = node->module->as_quantized_layer() != nullptr;
    const std::string name = node->module->name();
    if (auto module = std::visit(ForClasses(classes, random), node->layer))
      network.replace(name, std::move(module));
    node = graph.writer(node->inputs[0]);
  }
  require(found,
          "model.head = \"replace\": expected a network with weights, got one without weights");
}

}  // namespace quench::onnx
