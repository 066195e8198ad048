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

namespace quench::train {

/// What [calibration] did to a network beside choosing ranges.
struct CalibrationReport {
  std::optional<EqualizationReport> equalization;
  std::optional<BiasAbsorptionReport> bias_absorption;
  std::optional<DepthwiseRescaleReport> depthwise_rescale;
  std::optional<ReconstructionReport> reconstruction;
  std::optional<BiasCorrectionReport> bias_correction;
};

/// All that [calibration] asks for, in the order in which each step needs the one before:
/// equalize() and absorb_biases(), or rescale_depthwise(), so that ranges are those of the changed
/// network; calibrate_weights(); reconstruct(), which chooses codes on their grids;
/// calibrate_activations(), of the network with these codes, or before them where the method trains
/// steps; correct_biases(), which needs the
/// quantized weights, and the float network to compare with. Each step changes the float network for
/// good: the first up to rounding, the last two by as much as they change the quantized one. A
/// network without quantizers is left alone.
///
/// @param images   of which the first `config.batches` batches serve all steps, or all if there are
///                 fewer
/// @param seed     of what reconstruct() draws
/// @param journal  of reconstruct()
/// @throws std::invalid_argument  as calibrate() and reconstruct(), which wants a single rank
CalibrationReport apply_calibration(Module& network, const CalibrationOptions& config,
                                    datasets::Loader& images, std::uint64_t seed = 1,
                                    ReconstructionJournal* journal = nullptr);

/// Where the weights of an experiment's network come from: what train.init_from names, or its ONNX file.
/// Empty: they are drawn.
std::string start_of(const ExperimentConfig& config);
/// The network of an experiment with these weights.
/// @throws std::invalid_argument, std::runtime_error  for settings or a file that do not fit
std::unique_ptr<Module> load_trained(const ExperimentConfig& config,
                                     const datasets::DatasetFormat& format);

/// Writes the state of a network that quantize_after_training() has changed, with a note of `source`,
/// where its weights came from.
void save_calibrated(const std::filesystem::path& path, Module& network, const std::string& model,
                     const std::string& source);

/// A network that was calibrated has other weights and biases than the one that was trained, and what
/// corrected them once would do so again.
/// @param from  a checkpoint or the folder of a run
/// @throws std::invalid_argument  if save_calibrated() wrote it; the message names the trained one
void require_uncalibrated(const std::filesystem::path& from);

struct PostTrainingResult {
  Accuracy floating;   ///< of the network as it was trained
  Accuracy quantized;  ///< after everything
  CalibrationReport calibration;
  /// Against the float network before its weights were reconstructed or its biases corrected.
  std::vector<LayerSqnr> layers;
};

/// Quantizes `network` as load_trained() gave it, with no training: apply_calibration() on training
/// images, evaluated on Data::evaluation() before and after.
PostTrainingResult quantize_after_training(const ExperimentConfig& config,
                                           const CalibrationOptions& calibration, const Data& data,
                                           Module& network,
                                           ReconstructionJournal* journal = nullptr);

/// The file that `quench quantize` leaves in its run folder.
inline constexpr const char* kQuantizeFile = "quantize.json";

/// What it says of accuracy, in percent of the images that the run is judged by.
struct QuantizeRecord {
  double top1_quantized = 0.0;
  double top1_float = 0.0;           ///< of the network as it was before
  std::int64_t images = 0;           ///< 0: the file does not say
  std::filesystem::path checkpoint;  ///< that it started from, as the command line had it; or empty
};

/// @throws std::runtime_error  naming the file, for a damaged one
QuantizeRecord read_quantize_record(const std::filesystem::path& path);

}  // namespace quench::train
