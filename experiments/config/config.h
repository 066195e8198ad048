#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "autograd/product.h"
#include "experiments/config/config_data.h"
#include "onnx/import/network.h"
#include "ptq/calibrate.h"
#include "quant/policy.h"
#include "support/settings.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"

namespace quench::experiments {

/// [model]. A network's builder reads its own keys, e.g. width, from `settings`.
struct ModelConfig {
  std::string name;            ///< one of models::registered_models(), or the name of the ONNX file
  std::filesystem::path onnx;  ///< graph of the network (onnx/import/network.h); may be empty
  std::string output;          ///< the value of the graph to use as output; empty: its only output
  onnx::OnnxNetworkOptions options = {};  ///< of a graph; the caller sets shapes_only
  Settings settings;
};

/// [quant]
struct QuantConfig {
  quant::BatchNormFolding folding;
  Settings settings;  ///< the whole table, for quant::Policy
};

/// [train]
struct TrainConfig {
  std::int64_t epochs = 10;
  std::int64_t batch_size = 128;  ///< per rank, see core/communicator.h
  std::uint64_t seed = 1;
  int threads = 0;                          ///< per rank; 0: its share of all cores
  std::string loss = "cross_entropy";       ///< one of known_losses()
  double label_smoothing = 0.0;             ///< in [0, 1), for cross_entropy
  std::int64_t checkpoint_every_steps = 0;  ///< in addition to after each epoch; 0: off
  /// Epochs whose checkpoints are kept besides the last and the best one: the last n epochs, the n
  /// best ones, every n-th; 0 keeps none.
  std::int64_t keep_last = 0;
  std::int64_t keep_best = 0;
  std::int64_t keep_every = 0;
  /// Batches to re-estimate batch norm on before evaluating in another mode; 0: off.
  std::int64_t bn_batches = 0;
  /// From this epoch on, counted from 0, batch norm normalizes by its running statistics and does
  /// not update them; its gain and bias still train, unless optimizer.train excludes them. -1:
  /// never. Re-estimation for a method that needs it (bn_batches) is not affected.
  std::int64_t bn_freeze_epoch = -1;
  /// Whether ranks that train together normalize by their common batch, as one process would, or
  /// each by its own.
  bool sync_batch_norm = true;
  /// DoReFa: bits, 1 to 8, of the gradient at the output of each layer with a quantized weight, see
  /// quant/gradient_quantizer.h; 0: off.
  int gradient_bits = 0;
  Precision precision = Precision::float32;  ///< of the operands of products in training
  bool integer_forward = true;               ///< see QuantizedLayer::set_integer_forward
  std::int64_t eval_batch_size = 256;
  std::string init_from;  ///< checkpoint or run with the initial weights; empty: none
  std::int64_t max_steps_per_epoch = 0;  ///< for quick experiments; 0: all
  /// Every n-th epoch, and after the last, the network is frozen in memory and its integers are
  /// compared with evaluation; a difference ends the run. 0: never.
  std::int64_t verify_every = 0;
  std::int64_t verify_batches = 2;  ///< batches of eval_batch_size to compare; >= 1
};

/// [distill]: the run learns a teacher's logits. Optional.
struct DistillConfig {
  std::string teacher;        ///< a run folder, or a checkpoint of [model]; empty: no distillation
  std::string loss = "rmse";  ///< one of known_distillation_losses()
  double temperature = 4.0;   ///< kl; > 0
  double label_weight = 0.0;  ///< weight of the label loss, in [0, 1]
};

/// An experiment as its file defines it.
struct ExperimentConfig {
  std::string name;  ///< the file's stem
  ModelConfig model;
  DataConfig data;
  train::OptimizerOptions optimizer;
  train::ScheduleOptions schedule;
  TrainConfig train;
  DistillConfig distill;
  std::optional<ptq::CalibrationOptions> calibration;  ///< only with a [calibration] table
  QuantConfig quant;
  Settings root;  ///< the whole file; model.settings and quant.settings are tables in it

  /// The file and every default read so far, as TOML: complete once model and quantizers are built.
  std::string resolved() const { return root.resolved(); }
  /// Likewise, with data.dir, model.onnx, train.init_from and distill.teacher made absolute. Run
  /// folders store this, so that commands can run from any directory.
  std::string resolved_with_absolute_paths() const;
};

/// Reads and checks an experiment (see load_settings() for `extends` and `overrides`). The builder
/// and the policy read the keys of [model] and [quant], and their finish() reports leftovers.
/// @throws std::invalid_argument  for unknown keys, wrong types and values out of range
/// @throws std::runtime_error     for a file that cannot be read
ExperimentConfig load_experiment(const std::filesystem::path& path,
                                 const std::vector<std::string>& overrides = {});

/// The name of a run folder's copy of the file in `model.onnx`. Next to a config.toml, it takes
/// precedence over that file, so a run needs nothing outside its folder.
inline constexpr const char* kNetworkFile = "network.onnx";

/// Likewise from settings in memory.
ExperimentConfig read_experiment(Settings settings, std::string name);

/// Reads and checks the table `calibration` of an experiment; without one, returns all defaults.
/// @param batch_size  default of calibration.batch_size
/// @throws std::invalid_argument  for unknown keys or methods, wrong types and values out of range
ptq::CalibrationOptions read_calibration(const Settings& experiment, std::int64_t batch_size);

/// The [quant] settings of all layers, without overrides of single ones: lists and reports identify
/// a run by them.
struct QuantRule {
  std::string method = "none";  ///< "ab / ste" if that of activations is another
  int weight_bits = 32;
  int activation_bits = 32;

  bool quantizes() const { return method != "none"; }
};

QuantRule quant_rule(const Settings& quant);

}  // namespace quench::experiments
