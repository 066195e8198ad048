#include "layers/trace.h"

#include <stdexcept>

#include "core/reduce.h"
#include "layers/mode_guard.h"
#include "layers/quantized_layer.h"

namespace quench {
namespace {

class LayerRecorder final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs inputs, const Variable& output) override {
    const auto* layer = dynamic_cast<const QuantizedLayer*>(&module);
    if (layer == nullptr) return;
    const Shape& weight = layer->weight().shape();
    // Every output element is a dot product with one slice of the weight.
    layers.push_back({module.name(), inputs[0].shape(), output.shape(), weight,
                      output.shape().numel() / output.shape()[0] * (weight.numel() / weight[0])});
  }
  std::vector<LayerTrace> layers;
};

class NonFiniteFinder final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs, const Variable& output) override {
    if (found.empty() && !all_finite(output.value()))
      found = module.name().empty() ? "the network" : module.name();
  }
  std::string found;
};

}  // namespace

std::vector<LayerTrace> trace_layers(Module& network, const Shape& image) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::bypass);
  LayerRecorder recorder;
  network(Variable(Tensor::zeros(image)));
  return recorder.layers;
}

std::string first_non_finite(Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  NonFiniteFinder finder;
  try {
    network(Variable(images));
  } catch (const std::invalid_argument&) {
    // A quantizer refuses NaN; that is no news where an earlier output held one.
    if (finder.found.empty()) throw;
  }
  return finder.found;
}

}  // namespace quench
