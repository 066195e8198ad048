#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/experiment.h"
#include "ptq/absorb_bias.h"
#include "ptq/bias_correction.h"
#include "ptq/equalize.h"
#include "ptq/reconstruction/reconstruct.h"
#include "ptq/rescale_depthwise.h"
#include "ptq/sqnr.h"
#include "train/evaluate.h"

namespace quench::experiments {

/// The changes that [calibration] made to a network, besides choosing ranges.
struct CalibrationReport {
  std::optional<ptq::EqualizationReport> equalization;
  std::optional<ptq::BiasAbsorptionReport> bias_absorption;
  std::optional<ptq::DepthwiseRescaleReport> depthwise_rescale;
  std::optional<ptq::ReconstructionReport> reconstruction;
  std::optional<ptq::BiasCorrectionReport> bias_correction;
};

/// [calibration] of an experiment; without the table, all defaults.
ptq::CalibrationOptions calibration_of(const ExperimentConfig& config);

/// Runs all steps of [calibration]. Each needs the previous one: equalize() and absorb_biases(), or
/// rescale_depthwise(), so that ranges are those of the changed network; calibrate_weights();
/// reconstruct(), which chooses codes on these grids; calibrate_activations(), for the network with
/// these codes, or before them if the method trains steps; correct_biases(), which needs the
/// quantized weights and the float network to compare with. Each step changes the float network
/// permanently: the first up to rounding, the last two as much as the quantized one. A network
/// without quantizers is not changed.
///
/// @param images   the first `config.batches` batches of these serve all steps, or all if there are
///                 fewer
/// @param seed     for reconstruct()
/// @param journal  for reconstruct()
/// @throws std::invalid_argument  as calibrate() and reconstruct(), which requires a single rank
CalibrationReport apply_calibration(layers::Module& network, const ptq::CalibrationOptions& config,
                                    datasets::Loader& images, std::uint64_t seed = 1,
                                    ptq::ReconstructionJournal* journal = nullptr);

/// The source of an experiment's initial weights: the file or run in train.init_from, or its ONNX
/// file. Empty: they are drawn at random.
std::string start_of(const ExperimentConfig& config);
/// The network of an experiment with these weights.
/// @throws std::invalid_argument, std::runtime_error  for settings or a file that do not fit
std::unique_ptr<layers::Module> load_trained(const ExperimentConfig& config,
                                             const datasets::DatasetFormat& format);

/// Writes the state of a network that quantize_after_training() has changed, and records `source`,
/// the origin of its weights.
void save_calibrated(const std::filesystem::path& path, layers::Module& network,
                     const std::string& model, const std::string& source);

/// Rejects a calibrated network: its weights and biases differ from the trained ones, and a second
/// correction would be applied on top of the first.
/// @param from  a checkpoint or the folder of a run
/// @throws std::invalid_argument  if save_calibrated() wrote it; the message names the original
void require_uncalibrated(const std::filesystem::path& from);

struct PostTrainingResult {
  train::Accuracy floating;   ///< before quantization
  train::Accuracy quantized;  ///< after all steps
  CalibrationReport calibration;
  /// Compared with the float network before weights were reconstructed or biases corrected.
  std::vector<ptq::LayerSqnr> layers;
};

/// Quantizes `network` from load_trained() without training: apply_calibration() on training
/// images, evaluated on Data::evaluation() before and after.
PostTrainingResult quantize_after_training(const ExperimentConfig& config,
                                           const ptq::CalibrationOptions& calibration,
                                           const Data& data, layers::Module& network,
                                           ptq::ReconstructionJournal* journal = nullptr);

/// The file that `quench quantize` writes into its run folder.
inline constexpr const char* kQuantizeFile = "quantize.json";

/// Its accuracies, in percent of the evaluation images.
struct QuantizeRecord {
  double top1_quantized = 0.0;
  double top1_float = 0.0;           ///< of the original network
  std::int64_t images = 0;           ///< 0: not recorded
  std::filesystem::path checkpoint;  ///< the original, as given on the command line; may be empty
};

/// @throws std::runtime_error  naming the file, for a damaged one
QuantizeRecord read_quantize_record(const std::filesystem::path& path);

}  // namespace quench::experiments
