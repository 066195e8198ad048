#include "layers/trace.h"

#include "core/reduce.h"
#include "layers/quantized_layer.h"

namespace quench {
namespace {

class LayerRecorder final : public ForwardObserver {
 public:
  void after(const Module& module, const Variable& input, const Variable& output) override {
    const auto* layer = dynamic_cast<const QuantizedLayer*>(&module);
    if (layer == nullptr) return;
    const Shape& weight = layer->weight().shape();
    // Every output element is a dot product with one slice of the weight.
    layers.push_back({module.name(), input.shape(), output.shape(), weight,
                      output.shape().numel() / output.shape()[0] * (weight.numel() / weight[0])});
  }
  std::vector<LayerTrace> layers;
};

class NonFiniteFinder final : public ForwardObserver {
 public:
  void after(const Module& module, const Variable&, const Variable& output) override {
    if (found.empty() && !all_finite(output.value()))
      found = module.name().empty() ? "the network" : module.name();
  }
  std::string found;
};

}  // namespace

std::vector<LayerTrace> trace_layers(Module& network, const Shape& image) {
  const NoGradGuard no_grad;
  network.set_training(false);
  network.set_quantizer_mode(quant::Mode::bypass);
  LayerRecorder recorder;
  network(Variable(Tensor::zeros(image)));
  network.set_training(true);
  network.set_quantizer_mode(quant::Mode::training);
  return recorder.layers;
}

std::string first_non_finite(Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  NonFiniteFinder finder;
  network(Variable(images));
  return finder.found;
}

}  // namespace quench
