#include "train/sqnr.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "core/error.h"
#include "layers/mode_guard.h"
#include "layers/quantized_layer.h"

namespace quench::train {
namespace {

/// x on the quantizer's grid.
Tensor on_grid(quant::Quantizer& quantizer, const Tensor& x) {
  const quant::Mode mode = quantizer.mode();
  quantizer.set_mode(quant::Mode::evaluation);
  Tensor result = quantizer.forward(Variable(x)).value();
  quantizer.set_mode(mode);
  return result;
}

void add_slot(SignalToNoise& ratio, quant::Quantizer& quantizer, const Tensor& x) {
  if (quantizer.quantizes()) ratio.add(x.span(), on_grid(quantizer, x).span());
}

struct Ratios {
  SignalToNoise weight, input, output;
};

/// By layer, in the order of first execution.
class LayerRatios {
 public:
  explicit LayerRatios(Module& network) {
    for (QuantizedLayer* layer : network.quantized_layers()) known_[layer] = layer;
  }

  QuantizedLayer* find(const Module& module) const {
    const auto found = known_.find(&module);
    return found == known_.end() ? nullptr : found->second;
  }

  Ratios& of(QuantizedLayer* layer) {
    const auto found = std::ranges::find(ratios_, layer, [](const auto& e) { return e.first; });
    return found != ratios_.end() ? found->second : ratios_.emplace_back(layer, Ratios{}).second;
  }

  std::vector<LayerSqnr> in_decibels() const {
    std::vector<LayerSqnr> result;
    for (const auto& [layer, ratios] : ratios_) {
      LayerSqnr row{.layer = layer->name(), .output = ratios.output.db()};
      if (layer->weight_quantizer().quantizes()) row.weight = ratios.weight.db();
      if (layer->input_quantizer().quantizes()) row.input = ratios.input.db();
      result.push_back(std::move(row));
    }
    return result;
  }

 private:
  std::map<const Module*, QuantizedLayer*> known_;
  std::vector<std::pair<QuantizedLayer*, Ratios>> ratios_;
};

/// Keeps the outputs of the float network, and measures its inputs on the grids.
class FloatPass final : public ForwardObserver {
 public:
  FloatPass(LayerRatios& ratios, std::vector<Tensor>& outputs)
      : ratios_(ratios), outputs_(outputs) {}

  void after(const Module& module, const Variable& input, const Variable& output) override {
    QuantizedLayer* layer = ratios_.find(module);
    if (layer == nullptr) return;
    add_slot(ratios_.of(layer).input, layer->input_quantizer(), input.value());
    outputs_.push_back(output.value());
  }

 private:
  LayerRatios& ratios_;
  std::vector<Tensor>& outputs_;
};

/// Compares the outputs of the quantized network with those kept.
class QuantizedPass final : public ForwardObserver {
 public:
  QuantizedPass(LayerRatios& ratios, const std::vector<Tensor>& outputs)
      : ratios_(ratios), outputs_(outputs) {}

  void after(const Module& module, const Variable&, const Variable& output) override {
    QuantizedLayer* layer = ratios_.find(module);
    if (layer == nullptr) return;
    ratios_.of(layer).output.add(outputs_[next_++].span(), output.value().span());
  }

 private:
  LayerRatios& ratios_;
  const std::vector<Tensor>& outputs_;
  std::size_t next_ = 0;
};

void add_batch(Module& network, const Variable& images, LayerRatios& ratios) {
  std::vector<Tensor> outputs;
  {
    FloatPass pass(ratios, outputs);
    network.set_quantizer_mode(quant::Mode::bypass);
    network(images);
  }
  QuantizedPass pass(ratios, outputs);
  network.set_quantizer_mode(quant::Mode::evaluation);
  network(images);
}

}  // namespace

void SignalToNoise::add(std::span<const float> signal, std::span<const float> approximation) {
  require(signal.size() == approximation.size(), "sqnr: expected {} values, got {}", signal.size(),
          approximation.size());
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const double x = signal[i], error = x - double{approximation[i]};
    signal_ += x * x;
    noise_ += error * error;
  }
}

double SignalToNoise::db() const {
  if (noise_ == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal_ / noise_);
}

std::vector<LayerSqnr> measure_sqnr(Module& network, datasets::Loader& images, std::int64_t batches,
                                    ProgressBar& bar) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::evaluation);
  LayerRatios ratios(network);
  const std::int64_t total = std::min(batches, images.batches_per_epoch());
  bar.begin("quantization noise", total);
  images.start_epoch(0);
  for (std::int64_t k = 0; k < total; ++k) {
    add_batch(network, Variable(images.next()->images), ratios);
    bar.update(k + 1);
  }
  for (QuantizedLayer* layer : network.quantized_layers()) {
    add_slot(ratios.of(layer).weight, layer->weight_quantizer(), layer->weight().value());
  }
  return ratios.in_decibels();
}

}  // namespace quench::train
