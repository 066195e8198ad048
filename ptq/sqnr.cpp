#include "ptq/sqnr.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "core/parallel.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::ptq {
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
  NormalizedSignalToNoise normalized_output;
};

/// The rows of the table: layers, and other modules that quantize.
std::vector<layers::QuantizableModule*> measured(layers::Module& quantized) {
  std::vector<layers::QuantizableModule*> result = quantized.quantizable_modules();
  std::erase_if(result, [](layers::QuantizableModule* module) {
    return module->as_quantized_layer() == nullptr && !module->quantizes();
  });
  return result;
}

/// Maps the measured modules of the quantized network to those of another network with the same
/// inputs and outputs.
class Layers {
 public:
  /// @param network  the quantized one itself, or its float twin
  Layers(layers::Module& network, layers::Module& quantized) {
    const auto layers = network.quantized_layers(), own = quantized.quantized_layers();
    require(layers.size() == own.size(), "sqnr: expected a float network with {} layers, got {}",
            own.size(), layers.size());
    const auto modules = network.quantizable_modules(), twins = quantized.quantizable_modules();
    const auto shown = measured(quantized);
    for (std::size_t i = 0; i < modules.size(); ++i) {
      if (std::ranges::find(shown, twins[i]) == shown.end()) continue;
      readers_[modules[i]] = twins[i];
      writers_[writer_of(*modules[i])] = twins[i];
    }
  }

  /// The module whose inputs, or output, are those of `module`; null: none.
  layers::QuantizableModule* reader(const layers::Module& module) const {
    return find(readers_, module);
  }
  layers::QuantizableModule* writer(const layers::Module& module) const {
    return find(writers_, module);
  }

 private:
  using Map = std::map<const layers::Module*, layers::QuantizableModule*>;
  static const layers::Module* writer_of(layers::QuantizableModule& module) {
    // A folded batch norm is applied before the module in the quantized network, and inside it in
    // the float one; their outputs agree.
    const layers::QuantizedLayer* layer = module.as_quantized_layer();
    if (layer != nullptr && layer->folded() != nullptr) return &layer->folded()->norm();
    return &module;
  }
  static layers::QuantizableModule* find(const Map& modules, const layers::Module& module) {
    const auto found = modules.find(&module);
    return found == modules.end() ? nullptr : found->second;
  }
  Map readers_, writers_;
};

/// Values by module, in order of first execution.
class LayerRatios {
 public:
  Ratios& of(layers::QuantizableModule* module) {
    const auto found = std::ranges::find(ratios_, module, [](const auto& e) { return e.first; });
    return found != ratios_.end() ? found->second : ratios_.emplace_back(module, Ratios{}).second;
  }

  std::vector<LayerSqnr> in_decibels() const {
    std::vector<LayerSqnr> result;
    for (const auto& [module, ratios] : ratios_) {
      LayerSqnr row{.layer = module->name(),
                    .output = ratios.output.db(),
                    .normalized_output = ratios.normalized_output.db()};
      layers::QuantizedLayer* layer = module->as_quantized_layer();
      if (layer != nullptr && layer->weight_quantizer().quantizes())
        row.weight = ratios.weight.db();
      if (module->input_quantizer().quantizes()) row.input = ratios.input.db();
      result.push_back(std::move(row));
    }
    return result;
  }

 private:
  std::vector<std::pair<layers::QuantizableModule*, Ratios>> ratios_;
};

/// Keeps the outputs of the float network, and measures its inputs on the grids.
class FloatPass final : public layers::ForwardObserver {
 public:
  FloatPass(const Layers& layers, LayerRatios& ratios, std::vector<Tensor>& outputs)
      : layers_(layers), ratios_(ratios), outputs_(outputs) {}

  void after(const layers::Module& module, Inputs inputs, const Variable& output) override {
    if (layers::QuantizableModule* reader = layers_.reader(module)) {
      for (const auto& [quantizer, values] : reader->readings(inputs))
        add_slot(ratios_.of(reader).input, *quantizer, values);
    }
    if (layers_.writer(module) != nullptr) outputs_.push_back(output.value());
  }

 private:
  const Layers& layers_;
  LayerRatios& ratios_;
  std::vector<Tensor>& outputs_;
};

/// Compares the outputs of the quantized network with those kept.
class QuantizedPass final : public layers::ForwardObserver {
 public:
  QuantizedPass(const Layers& layers, LayerRatios& ratios, const std::vector<Tensor>& outputs)
      : layers_(layers), ratios_(ratios), outputs_(outputs) {}

  void after(const layers::Module& module, Inputs, const Variable& output) override {
    layers::QuantizableModule* writer = layers_.writer(module);
    if (writer == nullptr) return;
    const Tensor& expected = outputs_[next_++];
    Ratios& ratios = ratios_.of(writer);
    ratios.output.add(expected.span(), output.value().span());
    ratios.normalized_output.add(expected.span(), output.value().span(), expected.dim(1));
  }

 private:
  const Layers& layers_;
  LayerRatios& ratios_;
  const std::vector<Tensor>& outputs_;
  std::size_t next_ = 0;
};

/// Runs both networks over the same images.
class Comparison {
 public:
  Comparison(layers::Module& floating, layers::Module& network)
      : floating_(floating),
        network_(network),
        float_layers_(floating, network),
        layers_(network, network) {}

  void add(const Variable& images) {
    std::vector<Tensor> outputs;
    {
      FloatPass pass(float_layers_, ratios, outputs);
      floating_.set_quantizer_mode(quant::Mode::bypass);
      floating_(images);
    }
    QuantizedPass pass(layers_, ratios, outputs);
    network_.set_quantizer_mode(quant::Mode::evaluation);
    network_(images);
  }

  LayerRatios ratios;

 private:
  layers::Module& floating_;
  layers::Module& network_;
  Layers float_layers_, layers_;
};

}  // namespace

std::vector<LayerSqnr> measure_sqnr(layers::Module& floating, layers::Module& network,
                                    datasets::Loader& images, std::int64_t batches) {
  const FixedOrderScope order;
  const NoGradGuard no_grad;
  const layers::ModeGuard float_modes(floating, false, quant::Mode::bypass);
  const layers::ModeGuard modes(network, false, quant::Mode::evaluation);
  Comparison comparison(floating, network);
  const std::int64_t total = std::min(batches, images.batches_per_epoch());
  progress_bar().begin("quantization noise", total);
  images.start_epoch(0);
  for (std::int64_t k = 0; k < total; ++k) {
    comparison.add(Variable(images.next()->images));
    progress_bar().advance();
  }
  const auto float_layers = floating.quantized_layers(), layers = network.quantized_layers();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    quant::Quantizer& quantizer = layers[i]->weight_quantizer();
    if (!quantizer.quantizes()) continue;
    // Reconstruction has replaced weights by their codes: the float network has the original
    // weights.
    comparison.ratios.of(layers[i]).weight.add(
        float_layers[i]->effective_weight().value().span(),
        on_grid(quantizer, layers[i]->effective_weight().value()).span());
  }
  return comparison.ratios.in_decibels();
}

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

void NormalizedSignalToNoise::add(std::span<const float> signal,
                                  std::span<const float> approximation, std::int64_t channels) {
  const auto width = static_cast<std::size_t>(channels);
  require(signal.size() == approximation.size() && channels > 0 && signal.size() % width == 0,
          "sqnr: expected {} values in {} channels, got {}", signal.size(), channels,
          approximation.size());
  channels_.resize(width);
  for (std::size_t i = 0; i < signal.size(); ++i) {
    Sums& sums = channels_[i % width];
    const double x = signal[i], y = approximation[i];
    sums.x += x;
    sums.y += y;
    sums.xx += x * x;
    sums.yy += y * y;
    sums.xy += x * y;
  }
  positions_ += static_cast<double>(signal.size() / width);
}

double NormalizedSignalToNoise::db() const {
  constexpr double kRounding = 1e-12;  // relative to sums of squares
  double signal = 0.0, noise = 0.0;
  for (const Sums& sums : channels_) {
    const double xx = sums.xx - sums.x * sums.x / positions_;
    const double yy = sums.yy - sums.y * sums.y / positions_;
    const double xy = sums.xy - sums.x * sums.y / positions_;
    if (xx <= kRounding * sums.xx) continue;
    // For x with variance 1, the best line through y leaves an error of 1 - r^2, where r is the
    // correlation.
    signal += 1.0;
    noise += yy <= kRounding * sums.yy ? 1.0 : 1.0 - xy * xy / (xx * yy);
  }
  if (signal > 0.0 && noise <= kRounding * signal) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal / noise);
}

}  // namespace quench::ptq
