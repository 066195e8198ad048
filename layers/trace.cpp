#include "layers/trace.h"

#include <set>
#include <stdexcept>

#include "core/reduce.h"
#include "layers/mode_guard.h"
#include "layers/quantized_layer.h"

namespace quench {
namespace {

class LayerRecorder final : public ForwardObserver {
 public:
  explicit LayerRecorder(Module& network) {
    for (SlottedModule* module : network.slotted_modules())
      if (module->quantizes()) quantizing_.insert(module);
  }
  void after(const Module& module, Inputs inputs, const Variable& output) override {
    const auto* layer = dynamic_cast<const QuantizedLayer*>(&module);
    LayerTrace trace{module.name(), inputs[0].shape(), output.shape(), {}, 0};
    if (layer != nullptr) {
      trace.weight = layer->weight().shape();
      // Every output element is a dot product with one slice of the weight.
      trace.macs =
          output.shape().numel() / output.shape()[0] * (trace.weight.numel() / trace.weight[0]);
    }
    if (layer != nullptr || quantizing_.contains(&module)) layers.push_back(std::move(trace));
  }
  std::vector<LayerTrace> layers;

 private:
  std::set<const Module*> quantizing_;
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
  LayerRecorder recorder(network);
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
