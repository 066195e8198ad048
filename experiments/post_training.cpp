#include "experiments/post_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/communicator.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"
#include "core/safetensors.h"
#include "experiments/runs/checkpoint.h"
#include "ptq/calibrate.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"

namespace quench::experiments {
namespace {

std::vector<Tensor> first_batches(datasets::Loader& images, std::int64_t count) {
  std::vector<Tensor> batches;
  images.start_epoch(0);
  for (std::int64_t k = 0; k < std::min(count, images.batches_per_epoch()); ++k)
    batches.push_back(images.next()->images);
  return batches;
}

/// Changes the float network before ranges are chosen: without effect up to rounding, except for
/// ReLU6.
CalibrationReport even_out(layers::Module& network, const ptq::CalibrationOptions& config,
                           datasets::Loader& images) {
  CalibrationReport report;
  if (config.equalize) {
    report.equalization = ptq::equalize(network);
    if (config.absorb_bias) report.bias_absorption = ptq::absorb_biases(network);
  }
  if (config.depthwise_rescale)
    report.depthwise_rescale =
        ptq::rescale_depthwise(network, first_batches(images, config.batches));
  return report;
}

constexpr const char* kCalibratedFrom = "calibrated_from";  // in the metadata

/// The source that save_calibrated() recorded in a checkpoint; version 0.1 wrote a report next to
/// it instead.
std::optional<std::string> calibration_source(const std::filesystem::path& file) {
  const TensorFile notes = read_safetensors(file, [](const std::string&) { return false; });
  if (const auto note = notes.metadata.find(kCalibratedFrom); note != notes.metadata.end())
    return note->second;
  const std::filesystem::path report = file.parent_path() / "quantize.json";
  if (!std::filesystem::exists(report)) return std::nullopt;
  return fmt::format("see {}", report.string());
}

}  // namespace

ptq::CalibrationOptions calibration_of(const ExperimentConfig& config) {
  return config.calibration ? *config.calibration
                            : read_calibration(config.root, config.train.eval_batch_size);
}

CalibrationReport apply_calibration(layers::Module& network, const ptq::CalibrationOptions& config,
                                    datasets::Loader& images, std::uint64_t seed,
                                    ptq::ReconstructionJournal* journal) {
  if (!layers::is_quantized(network)) return {};
  CalibrationReport report = even_out(network, config, images);
  ptq::calibrate_weights(network, config);
  // Ranges are those of the network with its new weights, unless steps are trained as well.
  if (config.reconstruct.trains_steps()) ptq::calibrate_activations(network, config, images);
  if (config.reconstruct.wanted()) {
    require(
        communicator().size() == 1,
        "calibration.reconstruct: expected a single rank, got {}: reconstruct first with quench "
        "quantize, and train from its run",
        communicator().size());
    report.reconstruction =
        ptq::reconstruct(network, config.reconstruct,
                         concat(first_batches(images, config.batches), 0), seed, journal);
  }
  if (!config.reconstruct.trains_steps()) ptq::calibrate_activations(network, config, images);
  if (config.bias_correction != "none") {
    const auto mode = config.bias_correction == "analytic" ? ptq::ExpectedInput::analytic
                                                           : ptq::ExpectedInput::empirical;
    report.bias_correction =
        ptq::correct_biases(network, first_batches(images, config.batches), mode);
  }
  return report;
}

std::string start_of(const ExperimentConfig& config) {
  if (!config.train.init_from.empty()) return config.train.init_from;
  return has_trained_weights(config.model) ? config.model.onnx.string() : "";
}

std::unique_ptr<layers::Module> load_trained(const ExperimentConfig& config,
                                             const datasets::DatasetFormat& format) {
  auto network = build_network(config, format);
  if (!config.train.init_from.empty())
    load_weights(*network, config.model.name, config.train.init_from);
  return network;
}

void save_calibrated(const std::filesystem::path& path, layers::Module& network,
                     const std::string& model, const std::string& source) {
  TensorFile file = train::network_state(network, model);
  file.metadata[kCalibratedFrom] = source;
  write_safetensors(path, file);
}

void require_uncalibrated(const std::filesystem::path& from) {
  const std::filesystem::path file = checkpoint_at(from);
  const auto source = calibration_source(file);
  require(
      !source,
      "{}: expected a network to calibrate, got one that quench quantize has already calibrated: "
      "start from its original, {}",
      file.string(), source.value_or(""));
}

PostTrainingResult quantize_after_training(const ExperimentConfig& config,
                                           const ptq::CalibrationOptions& calibration,
                                           const Data& data, layers::Module& network,
                                           ptq::ReconstructionJournal* journal) {
  const FixedOrderScope order;
  const auto evaluation = evaluation_loader(config, data.evaluation());
  const auto images = calibration_loader(config, calibration, data.train);
  const std::int64_t pass = evaluation->images_in(evaluation->batches_per_epoch());
  PostTrainingResult result;
  progress_bar().begin("float network", pass);
  result.floating = train::evaluate(network, *evaluation, quant::Mode::bypass);
  result.calibration = apply_calibration(network, calibration, *images, config.train.seed, journal);
  // Corrected biases only fit the quantized network, so the float one is a copy.
  const auto floating = load_trained(config, data.train->format());
  even_out(*floating, calibration, *images);
  result.layers = ptq::measure_sqnr(*floating, network, *images, calibration.batches);
  progress_bar().begin("quantized network", pass);
  result.quantized = train::evaluate(network, *evaluation, quant::Mode::evaluation);
  return result;
}

QuantizeRecord read_quantize_record(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    return {.top1_quantized = json.at("top1_quantized").get<double>(),
            .top1_float = json.at("top1_float").get<double>(),
            .images = json.value("images", std::int64_t{0}),
            .checkpoint = json.value("checkpoint", "")};
  } catch (const nlohmann::json::exception& error) {
    fail("{}: {}", path.string(), error.what());
  }
}

}  // namespace quench::experiments
