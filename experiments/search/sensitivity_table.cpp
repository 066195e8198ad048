#include "experiments/search/sensitivity_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "experiments/post_training.h"
#include "experiments/runs/versions.h"
#include "support/crc32.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"

namespace quench::experiments {
namespace {

using layers::QuantizedLayer;
using ptq::SensitivityMeasure;

/// CRC-32 of tensors, one after the other.
class Checksum {
 public:
  void add(const Tensor& tensor) { add(crc32({tensor.bytes_begin(), tensor.bytes()})); }
  void add(const std::string& text) { add(crc32(std::as_bytes(std::span(text)))); }
  std::string text() const {
    return fmt::format("{:08x}", crc32(std::as_bytes(std::span(parts_))));
  }

 private:
  void add(std::uint32_t part) { parts_.push_back(part); }
  std::vector<std::uint32_t> parts_;
};

/// [calibration] for ranges alone: the rest depends on all layers at once.
ptq::CalibrationOptions ranges_of(const ExperimentConfig& config) {
  ptq::CalibrationOptions options = calibration_of(config);
  options.reconstruct = {};
  options.bias_correction = "none";
  return options;
}

QuantizedLayer& find_layer(layers::Module& network, const std::string& name) {
  const auto layers = network.quantized_layers();
  return **std::ranges::find(layers, name, [](QuantizedLayer* layer) { return layer->name(); });
}

class Measurement {
 public:
  Measurement(const ExperimentConfig& config, const SearchSpace& space, const Data& data,
              const std::vector<datasets::Batch>& images, const SensitivityOptions& options,
              SensitivityFile& file)
      : config_(config), data_(data), images_(images), options_(options), file_(file) {
    for (const SearchGroup& group : space.groups)
      for (const std::size_t i : group.layers)
        for (const int option : group.options)
          if (space.layers[i].searched()) wanted_[option].push_back(&space.layers[i]);
    for (const auto& [option, layers] : wanted_) {
      configs_.emplace(option, with_option(config, space, option));
      total_ += std::ssize(layers);
    }
  }

  Sensitivities run() {
    if (options_.measure == SensitivityMeasure::hessian) estimate_traces();
    for (const auto& [option, layers] : wanted_) measure(option, layers);
    Sensitivities result;
    for (const auto& [option, layers] : wanted_)
      for (const SearchLayer* layer : layers)
        result[{layer->name, option}] = file_.values().at({layer->name, option});
    return result;
  }

 private:
  bool known(const std::string& layer, int option) const {
    return file_.values().contains({layer, option});
  }

  void show(const char* what, std::int64_t total, std::int64_t done) const {
    progress_bar().begin(what, total, done);
  }

  void measure(int option, const std::vector<const SearchLayer*>& layers) {
    const auto done = [&](const SearchLayer* layer) { return known(layer->name, option); };
    if (std::ranges::all_of(layers, done)) return;
    const ExperimentConfig& config = configs_.at(option);
    const auto network = load_trained(config, data_.train->format());
    const ptq::CalibrationOptions ranges = ranges_of(config);
    apply_calibration(*network, ranges, *calibration_loader(config, ranges, data_.train));
    const ptq::SensitivityProbe probe(*network, images_);
    std::int64_t before = 0;
    for (const auto& [o, all] : wanted_)
      before += std::ranges::count_if(all, [&](const SearchLayer* l) { return known(l->name, o); });
    show("sensitivity", total_, before);
    for (const SearchLayer* layer : layers) {
      if (known(layer->name, option)) continue;
      const double value = sensitivity(probe, find_layer(*network, layer->name), *layer);
      require(std::isfinite(value),
              "search: layer {} at {} bits: expected a finite sensitivity ({}), got {}",
              layer->name, option, name_of(options_.measure), value);
      file_.keep(layer->name, option, value);
      progress_bar().advance();
    }
  }

  double sensitivity(const ptq::SensitivityProbe& probe, QuantizedLayer& layer,
                     const SearchLayer& searched) const {
    if (!searched.slots.weight && !searched.slots.input) return 0.0;  // another layer's weight
    if (options_.measure != SensitivityMeasure::hessian)
      return probe.measure(layer, searched.slots, options_.measure);
    return file_.traces().at(searched.name) / static_cast<double>(searched.weights) *
           ptq::weight_noise(layer);
  }

  void estimate_traces() {
    std::set<std::string> names;
    for (const auto& [option, layers] : wanted_)
      for (const SearchLayer* layer : layers)
        if (layer->slots.weight) names.insert(layer->name);
    const auto missing = [&](const std::string& name) { return !file_.traces().contains(name); };
    if (std::ranges::none_of(names, missing)) return;
    const auto network = load_trained(config_, data_.train->format());
    const ptq::SensitivityProbe probe(*network, images_);
    show("Hessian traces", std::ssize(names),
         std::ssize(names) - std::ranges::count_if(names, missing));
    for (const std::string& name : names) {
      if (!missing(name)) continue;
      const Random own(config_.train.seed, "hutchinson " + name);
      file_.keep_trace(name, probe.trace(find_layer(*network, name), own));
      progress_bar().advance();
    }
  }

  const ExperimentConfig& config_;
  const Data& data_;
  const std::vector<datasets::Batch>& images_;
  const SensitivityOptions& options_;
  SensitivityFile& file_;
  std::map<int, std::vector<const SearchLayer*>> wanted_;  // by option
  std::map<int, ExperimentConfig> configs_;
  std::int64_t total_ = 0;
};

}  // namespace

SensitivityFile::SensitivityFile(std::filesystem::path path, const std::string& depends_on)
    : path_(std::move(path)), depends_on_(depends_on) {
  if (!std::filesystem::exists(path_)) return;
  try {
    const nlohmann::json kept = nlohmann::json::parse(read_text(path_));
    if (kept.at("depends_on") != nlohmann::json::parse(depends_on_)) return;
    for (const nlohmann::json& row : kept.at("values"))
      values_[{row.at("layer"), row.at("bits")}] = row.at("value");
    kept.at("traces").get_to(traces_);
  } catch (const nlohmann::json::exception&) {
    values_.clear();
    traces_.clear();
  }
}

void SensitivityFile::keep(const std::string& layer, int option, double value) {
  values_[{layer, option}] = value;
  write();
}

void SensitivityFile::keep_trace(const std::string& layer, const ptq::TraceEstimate& estimate) {
  traces_[layer] = estimate.trace;
  write();
}

void SensitivityFile::write() const {
  nlohmann::json values = nlohmann::json::array();
  for (const auto& [key, value] : values_)
    values.push_back({{"layer", key.first}, {"bits", key.second}, {"value", value}});
  const nlohmann::json file{{"depends_on", nlohmann::json::parse(depends_on_)},
                            {"values", std::move(values)},
                            {"traces", traces_}};
  write_file_atomically(path_, file.dump(1) + "\n");
}

std::vector<datasets::Batch> search_images(const ExperimentConfig& config, const Data& data,
                                           std::int64_t count) {
  require(count >= 1, "--images: expected at least 1 image, got {}", count);
  const auto images = datasets::subset_range(data.train, 0, std::min(count, data.train->size()));
  const auto loader = evaluation_loader(config, images);
  loader->start_epoch(0);
  std::vector<datasets::Batch> batches;
  while (auto batch = loader->next()) batches.push_back(std::move(*batch));
  return batches;
}

std::string dependencies(const SensitivityOptions& options, const std::string& config,
                         layers::Module& network, const std::vector<datasets::Batch>& images) {
  Checksum text, weights, pixels;
  text.add(config);
  for (const layers::Parameter& parameter : network.parameters())
    weights.add(parameter.value.value());
  for (const layers::Buffer& buffer : network.buffers()) weights.add(buffer.value);
  for (const datasets::Batch& batch : images) {
    pixels.add(batch.images);
    pixels.add(batch.labels);
  }
  return nlohmann::json{{"measure", name_of(options.measure)},
                        {"what", name_of(options.what)},
                        {"config", text.text()},
                        {"weights", weights.text()},
                        {"images", pixels.text()},
                        {"quench", current_versions(0, {}).quench}}
      .dump();
}

Sensitivities measure_sensitivities(const ExperimentConfig& config, const SearchSpace& space,
                                    const Data& data, const std::vector<datasets::Batch>& images,
                                    const SensitivityOptions& options, SensitivityFile& file) {
  return Measurement(config, space, data, images, options, file).run();
}

}  // namespace quench::experiments
