#include "experiments/report/measure.h"

#include <algorithm>
#include <map>

#include "experiments/report/png.h"
#include "experiments/runs/checkpoint.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "support/progress.h"
#include "train/evaluate.h"

namespace quench::experiments::report {
namespace {

constexpr std::size_t kWrongImages = 12;
constexpr std::int64_t kTwinImages = 2000;  // enough for the statistics of a channel

/// Collects the inputs of a network's slots during a forward pass.
class ReadingPass final : public layers::ForwardObserver {
 public:
  explicit ReadingPass(layers::Module& network) {
    for (layers::QuantizableModule* module : network.quantizable_modules()) {
      if (module->as_quantized_layer() != nullptr || module->quantizes()) modules_[module] = module;
    }
  }
  void after(const layers::Module& module, Inputs inputs, const Variable&) override {
    const auto found = modules_.find(&module);
    if (found == modules_.end()) return;
    const auto readings = found->second->readings(inputs);
    auto& slots = statistics_[module.name()];
    slots.resize(readings.size());
    for (std::size_t i = 0; i < readings.size(); ++i)
      slots[i].add(*readings[i].first, readings[i].second);
  }
  std::vector<SlotSummary> of(const std::string& layer) const {
    std::vector<SlotSummary> summaries;
    const auto found = statistics_.find(layer);
    if (found == statistics_.end()) return summaries;
    for (const SlotStatistics& slot : found->second) summaries.push_back(slot.summary());
    return summaries;
  }

 private:
  std::map<const layers::Module*, layers::QuantizableModule*> modules_;
  std::map<std::string, std::vector<SlotStatistics>> statistics_;
};

/// `count` evenly spaced indices, or all if there are fewer: an image folder is sorted by class.
std::vector<std::int64_t> spread(std::int64_t count, std::int64_t size) {
  std::vector<std::int64_t> indices;
  const std::int64_t taken = std::min(count, size);
  for (std::int64_t i = 0; i < taken; ++i) indices.push_back(i * size / taken);
  return indices;
}

std::int64_t affordable_images(const train::NetworkCost& cost) {
  constexpr std::int64_t kBudget = 400'000'000'000;  // multiply-accumulates, about 20 s on a laptop
  // Covers whole test sets that papers use, except ImageNet's.
  return std::clamp<std::int64_t>(kBudget / std::max<std::int64_t>(cost.macs, 1), 64, 10'000);
}

SlotSummary summarize_weight(layers::QuantizedLayer& layer) {
  SlotStatistics statistics;
  statistics.add(layer.weight_quantizer(), layer.effective_weight().value());
  return statistics.summary();
}

std::vector<LayerMeasurement> measure_layers(layers::Module& network,
                                             const std::vector<layers::LayerTrace>& traces) {
  std::map<std::string, layers::QuantizedLayer*> with_weight;
  for (layers::QuantizedLayer* layer : network.quantized_layers())
    with_weight[layer->name()] = layer;
  std::vector<LayerMeasurement> result;
  for (const layers::LayerTrace& trace : traces) {
    LayerMeasurement row{.trace = trace};
    if (const auto found = with_weight.find(trace.name); found != with_weight.end()) {
      layers::QuantizedLayer& layer = *found->second;
      row.bits = train::bits_text(layer.weight_quantizer(), layer.input_quantizer());
      row.weight_bytes = layer.weight_bytes();
      row.weight = summarize_weight(layer);
    }
    result.push_back(std::move(row));
  }
  return result;
}

/// Measures each layer's inputs, and the noise of quantization in its output.
void measure_activations(Measurements& result, layers::Module& network, datasets::Loader& images) {
  ReadingPass pass(network);
  {
    const NoGradGuard no_grad;
    const layers::ModeGuard modes(network, false, quant::Mode::evaluation);
    images.start_epoch(0);
    while (const auto batch = images.next()) {
      network(Variable(batch->images));
      result.noise_images += batch->labels.dim(0);
      progress_bar().advance(batch->labels.dim(0));
    }
  }
  for (LayerMeasurement& layer : result.layers) layer.inputs = pass.of(layer.trace.name);
}

/// The float network underneath with its own batch-norm statistics, as
/// evaluate_quantized_and_float() evaluates it.
/// @param images  training images to estimate them on, at most kTwinImages
std::unique_ptr<layers::Module> float_twin(layers::Module& network, const ExperimentConfig& config,
                                           const Data& data, std::int64_t images) {
  auto twin = build_network(config, data.train->format());
  train::load_weights(*twin, config.model.name, train::network_state(network, config.model.name),
                      "network");
  const auto training = training_loader(config, data.train);
  const std::int64_t batches =
      std::max<std::int64_t>(std::min(images, kTwinImages) / config.train.batch_size, 1);
  train::reestimate_batch_norm(*twin, *training, std::min(batches, config.train.bn_batches),
                               quant::Mode::bypass);
  return twin;
}

/// Compares with the float network with either training's statistics or its own, whichever is
/// closer: training's statistics do not fit it at few bits but are better at many.
std::vector<ptq::LayerSqnr> noise_of(layers::Module& network, layers::Module& twin,
                                     datasets::Loader& images) {
  const auto against = [&](layers::Module& floating) {
    return ptq::measure_sqnr(floating, network, images, images.batches_per_epoch());
  };
  std::vector<ptq::LayerSqnr> trained = against(network), own = against(twin);
  // With statistics that do not fit, logits may be constant; their ratio is NaN.
  return trained.back().normalized_output >= own.back().normalized_output ? trained : own;
}

void add_noise(Measurements& result, std::vector<ptq::LayerSqnr> noise) {
  for (ptq::LayerSqnr& sqnr : noise) {
    const auto found = std::ranges::find(result.layers, sqnr.layer,
                                         [](const auto& layer) { return layer.trace.name; });
    if (found != result.layers.end()) found->sqnr = std::move(sqnr);
  }
}

std::vector<WrongImage> wrong_images(const std::vector<Mistake>& mistakes,
                                     const datasets::Dataset& images) {
  std::vector<WrongImage> result;
  std::vector<std::uint8_t> pixels(images.image_shape().bytes());
  for (const Mistake& mistake : mistakes) {
    images.read(mistake.image, pixels);
    result.push_back({mistake, image_address(images.image_shape(), pixels)});
  }
  return result;
}

/// The bits of most multiply-accumulates; empty for a network without any.
std::string most_frequent_bits(const train::NetworkCost& cost) {
  const auto& counts = cost.macs_by_bits;
  const auto most = std::ranges::max_element(counts, {}, [](const auto& e) { return e.second; });
  return most == counts.end() ? "" : most->first;
}

}  // namespace

Measurements measure(layers::Module& network, const ExperimentConfig& config,
                     const std::vector<std::string>& classes, const Data* data,
                     std::int64_t images) {
  const datasets::ImageShape shape = image_shape(config);
  const auto traces = layers::trace_layers(network, {1, shape.channels, shape.height, shape.width});
  Measurements result{.classes = classes,
                      .cost = train::network_cost(network, traces),
                      .layers = measure_layers(network, traces)};
  result.bits = most_frequent_bits(result.cost);
  if (data == nullptr) return result;

  result.training_images = data->train->size();
  const auto& evaluation = data->evaluation();
  result.evaluation_images = evaluation->size();
  result.held_out = data->validation != nullptr;
  if (images == 0) images = affordable_images(result.cost);
  const auto some = datasets::subset(
      evaluation, spread(std::clamp<std::int64_t>(images / 8, 16, 256), evaluation->size()));
  const auto some_loader = evaluation_loader(config, some);
  ProgressBar bar;
  bar.begin("activations", some->size());
  measure_activations(result, network, *some_loader);
  if (layers::is_quantized(network)) {
    const auto twin = float_twin(network, config, *data, images);
    add_noise(result, noise_of(network, *twin, *some_loader));
  }

  const auto shown = datasets::subset(evaluation, spread(images, evaluation->size()));
  const auto loader = evaluation_loader(config, shown);
  bar.begin("mistakes", shown->size());
  Classification classification =
      classify(network, *loader, static_cast<int>(classes.size()), kWrongImages);
  result.shown_images = shown->size();
  result.labels = std::move(classification.labels);
  result.right = std::move(classification.right);
  result.confusion = std::move(classification.confusion);
  result.wrong = wrong_images(classification.mistakes, *shown);
  return result;
}

}  // namespace quench::experiments::report
