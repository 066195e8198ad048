#include "layers/trace.h"

#include <fmt/format.h>

#include <stdexcept>

#include "core/ops/reduce.h"
#include "layers/graph.h"
#include "layers/quantized_layer.h"

namespace quench {
namespace {

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

std::string bits_text(const quant::Quantizer& weight, const quant::Quantizer& input) {
  const auto bits = [](const quant::Quantizer& quantizer) {
    return quantizer.quantizes() ? std::to_string(quantizer.bits()) : std::string("fp32");
  };
  return fmt::format("{} x {}", bits(weight), bits(input));
}

NetworkCost network_cost(Module& network, std::span<const LayerTrace> layers) {
  NetworkCost cost;
  for (const Parameter& parameter : network.parameters()) {
    if (parameter.kind != ParameterKind::quantizer)
      cost.parameters += parameter.value.value().numel();
  }
  std::map<std::string, QuantizedLayer*> with_weight;
  for (QuantizedLayer* layer : network.quantized_layers()) with_weight[layer->name()] = layer;
  for (const LayerTrace& trace : layers) {
    const auto found = with_weight.find(trace.name);
    if (found == with_weight.end()) continue;
    QuantizedLayer& layer = *found->second;
    const std::string bits = bits_text(layer.weight_quantizer(), layer.input_quantizer());
    cost.macs += trace.macs;
    cost.macs_by_bits[bits] += trace.macs;
    cost.weight_bytes += layer.weight_bytes();
    cost.weight_bytes_by_bits[bits] += layer.weight_bytes();
    cost.float_bytes += static_cast<double>(trace.weight.numel()) * 4.0;
  }
  return cost;
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
