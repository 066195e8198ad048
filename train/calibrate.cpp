#include "train/calibrate.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "layers/mode_guard.h"
#include "layers/quantized_layer.h"
#include "quant/calibrator.h"

namespace quench::train {
namespace {

void calibrate_weights(Module& network, const quant::CalibratorOptions& options) {
  for (QuantizedLayer* layer : network.quantized_layers()) {
    quant::Quantizer& quantizer = layer->weight_quantizer();
    if (!quantizer.quantizes()) continue;
    const Tensor weight = layer->effective_weight().value();
    if (!quantizer.calibratable()) {
      quantizer.observe(weight);
      continue;
    }
    quant::CalibratorOptions own = options;
    own.bits = quantizer.bits();
    own.slot = quantizer.slot();
    const bool per_channel = quantizer.granularity() == quant::Granularity::per_channel;
    quantizer.calibrate(calibrate_weight(weight, per_channel, own));
  }
}

/// Shows the inputs of some layers, as they run, to calibrators or to the quantizers themselves.
class InputWatcher final : public ForwardObserver {
 public:
  InputWatcher(const std::vector<QuantizedLayer*>& layers,
               const quant::CalibratorOptions& options) {
    for (QuantizedLayer* layer : layers) {
      quant::Quantizer& quantizer = layer->input_quantizer();
      if (!quantizer.quantizes()) continue;
      quant::CalibratorOptions own = options;
      own.bits = quantizer.bits();
      own.slot = quantizer.slot();
      watched_[layer] = {&quantizer, quantizer.calibratable() ? make_calibrator(own) : nullptr};
    }
  }

  void after(const Module& module, Inputs inputs, const Variable&) override {
    const auto found = watched_.find(&module);
    if (found == watched_.end()) return;
    const auto& [quantizer, calibrator] = found->second;
    if (calibrator) {
      calibrator->observe(inputs[0].value().span());
    } else {
      quantizer->observe(inputs[0].value());
    }
  }

  /// Once all batches have run.
  void calibrate() {
    for (auto& [layer, watched] : watched_) {
      if (watched.calibrator) {
        const quant::ValueRange range = watched.calibrator->range();
        watched.quantizer->calibrate({&range, 1});
      }
    }
  }

 private:
  struct Watched {
    quant::Quantizer* quantizer = nullptr;
    std::unique_ptr<quant::Calibrator> calibrator;
  };
  std::map<const Module*, Watched> watched_;
};

class LayerOrder final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs, const Variable&) override { layers.push_back(&module); }
  std::vector<const Module*> layers;
};

class Calibration {
 public:
  Calibration(Module& network, const CalibrationConfig& config, datasets::Loader& images,
              ProgressBar& bar)
      : network_(network),
        config_(config),
        images_(images),
        bar_(bar),
        batches_(std::min(config.batches, images.batches_per_epoch())) {}

  void in_float_order() {
    bar_.begin("calibration", batches_);
    watch(network_.quantized_layers());
  }

  void in_topological_order() {
    const std::vector<QuantizedLayer*> layers = in_order_of_execution();
    bar_.begin("calibration", batches_ * static_cast<std::int64_t>(layers.size()));
    for (QuantizedLayer* layer : layers) {
      watch({layer});
      for (const auto& [slot, quantizer] : layer->quantizers())
        quantizer->set_mode(quant::Mode::evaluation);
    }
  }

 private:
  void watch(const std::vector<QuantizedLayer*>& layers) {
    InputWatcher watcher(layers, config_.activations);
    images_.start_epoch(0);
    for (std::int64_t k = 0; k < batches_; ++k) {
      network_(Variable(images_.next()->images));
      bar_.update(++done_);
    }
    watcher.calibrate();
  }

  std::vector<QuantizedLayer*> in_order_of_execution() {
    LayerOrder order;
    images_.start_epoch(0);
    network_(Variable(images_.next()->images));
    std::vector<QuantizedLayer*> layers = network_.quantized_layers();
    std::ranges::sort(layers, {}, [&order](const Module* layer) {
      return std::ranges::find(order.layers, layer) - order.layers.begin();
    });
    return layers;
  }

  Module& network_;
  const CalibrationConfig& config_;
  datasets::Loader& images_;
  ProgressBar& bar_;
  std::int64_t batches_;
  std::int64_t done_ = 0;
};

}  // namespace

void calibrate(Module& network, const CalibrationConfig& config, datasets::Loader& images,
               ProgressBar& bar) {
  require(config.batches >= 1, "calibration: expected at least 1 batch, got {}", config.batches);
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::bypass);
  calibrate_weights(network, config.weights);
  Calibration calibration(network, config, images, bar);
  if (config.order == "topological") {
    calibration.in_topological_order();
  } else {
    calibration.in_float_order();
  }
}

}  // namespace quench::train
