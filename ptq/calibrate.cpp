#include "ptq/calibrate.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "layers/graph.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "ptq/calibrator.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::ptq {
namespace {

/// Passes the inputs of some modules, during a forward pass, to calibrators or to the quantizers.
class InputWatcher final : public layers::ForwardObserver {
 public:
  InputWatcher(const std::vector<layers::QuantizableModule*>& modules, CalibratorOptions options) {
    for (layers::QuantizableModule* module : modules) {
      modules_[module] = module;
      for (const auto& [slot, quantizer] : module->quantizers()) {
        options.bits = quantizer->bits();
        options.slot = quantizer->slot();
        const bool calibrates = quantizer->role() == quant::Role::activation &&
                                quantizer->quantizes() && quantizer->calibratable() != nullptr;
        if (calibrates) calibrators_[quantizer] = make_calibrator(options);
      }
    }
  }

  void after(const layers::Module& module, Inputs inputs, const Variable&) override {
    const auto found = modules_.find(&module);
    if (found == modules_.end()) return;
    for (const auto& [quantizer, values] : found->second->readings(inputs)) {
      if (!quantizer->quantizes()) continue;
      if (const auto own = calibrators_.find(quantizer); own != calibrators_.end()) {
        own->second->observe(values.span());
      } else {
        quantizer->observe(values);
      }
    }
  }

  /// Call after all batches have run.
  void calibrate() {
    for (auto& [quantizer, calibrator] : calibrators_) {
      const quant::ValueRange range = calibrator->range();
      quantizer->calibratable()->calibrate({&range, 1});
    }
  }

 private:
  std::map<const layers::Module*, layers::QuantizableModule*> modules_;
  std::map<quant::Quantizer*, std::unique_ptr<Calibrator>> calibrators_;
};

class Calibration {
 public:
  Calibration(layers::Module& network, const CalibrationOptions& config, datasets::Loader& images)
      : network_(network),
        config_(config),
        images_(images),
        batches_(std::min(config.batches, images.batches_per_epoch())) {}

  void in_float_order() {
    progress_bar().begin("calibration", batches_);
    watch(network_.quantizable_modules());
  }

  void in_topological_order() {
    const std::vector<layers::QuantizableModule*> modules = in_order_of_execution();
    progress_bar().begin("calibration", batches_ * static_cast<std::int64_t>(modules.size()));
    for (layers::QuantizableModule* module : modules) {
      watch({module});
      for (const auto& [slot, quantizer] : module->quantizers())
        quantizer->set_mode(quant::Mode::evaluation);
    }
  }

 private:
  void watch(const std::vector<layers::QuantizableModule*>& modules) {
    InputWatcher watcher(modules, config_.activations);
    images_.start_epoch(0);
    for (std::int64_t k = 0; k < batches_; ++k) {
      network_(Variable(images_.next()->images));
      progress_bar().advance();
    }
    watcher.calibrate();
  }

  /// Excludes modules with empty slots, which need no calibration.
  std::vector<layers::QuantizableModule*> in_order_of_execution() {
    const layers::Graph graph(network_);
    std::vector<layers::QuantizableModule*> modules;
    for (const layers::Graph::Node& node : graph.nodes()) {
      layers::QuantizableModule* module = node.module->as_quantizable();
      if (module != nullptr && module->quantizes()) modules.push_back(module);
    }
    // Modules inside a custom module, whose order is unknown.
    for (layers::QuantizableModule* module : network_.quantizable_modules())
      if (module->quantizes() && std::ranges::find(modules, module) == modules.end())
        modules.push_back(module);
    return modules;
  }

  layers::Module& network_;
  const CalibrationOptions& config_;
  datasets::Loader& images_;
  std::int64_t batches_;
};

}  // namespace

void calibrate(layers::Module& network, const CalibrationOptions& config,
               datasets::Loader& images) {
  calibrate_weights(network, config);
  calibrate_activations(network, config, images);
}

void calibrate_weights(layers::Module& network, const CalibrationOptions& config) {
  const NoGradGuard no_grad;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    quant::Quantizer& quantizer = layer->weight_quantizer();
    if (!quantizer.quantizes() || !layer->owns_weight()) continue;
    const Tensor weight = layer->effective_weight().value();
    quant::Calibratable* grid = quantizer.calibratable();
    if (grid == nullptr) {
      quantizer.observe(weight);
      continue;
    }
    CalibratorOptions own = config.weights;
    own.bits = quantizer.bits();
    own.slot = quantizer.slot();
    const bool per_channel = quantizer.granularity() == quant::Granularity::per_channel;
    grid->calibrate(calibrate_weight(weight, per_channel, own));
  }
}

void calibrate_activations(layers::Module& network, const CalibrationOptions& config,
                           datasets::Loader& images) {
  require(config.batches >= 1, "calibration: expected at least 1 batch, got {}", config.batches);
  const FixedOrderScope order;
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::bypass);
  Calibration calibration(network, config, images);
  if (config.order == "topological") {
    calibration.in_topological_order();
  } else {
    calibration.in_float_order();
  }
}

}  // namespace quench::ptq
