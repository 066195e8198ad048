#include "experiments/config/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "core/parallel.h"
#include "experiments/config/config_file.h"
#include "layers/loss.h"
#include "layers/models/registry.h"
#include "support/settings.h"

namespace quench::experiments {
namespace {

constexpr IntRange kPositive{1, std::numeric_limits<std::int64_t>::max()};

std::vector<std::string> calibrators() {
  std::vector<std::string> names;
  for (const auto& calibrator : ptq::registered_calibrators()) names.push_back(calibrator.name);
  return names;
}

constexpr IntRange kThreads{0, kMaxThreads};
constexpr std::int64_t kMostEpochs = 1'000'000;  // so that no count of steps overflows

template <typename Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

train::OptimizerOptions read_optimizer(const Settings& s) {
  train::OptimizerOptions optimizer;
  optimizer.name = s.choice({"name", "the optimizer (quench list optimizers)"}, optimizer.name,
                            names_of(train::registered_optimizers()));
  optimizer.lr =
      s.number({"lr", "the learning rate after warm-up; at 0 only statistics and ranges change"},
               optimizer.lr, at_least(0.0));
  if (!std::isfinite(static_cast<float>(optimizer.lr)))
    s.reject("lr", "a number that float32 holds");
  optimizer.momentum = s.number({"momentum", "sgd: share of the last step that the next one keeps"},
                                optimizer.momentum, below(0.0, 1.0));
  optimizer.nesterov = s.boolean({"nesterov", "sgd: Nesterov momentum"}, optimizer.nesterov);
  optimizer.weight_decay = s.number(
      {"weight_decay",
       "pull of weights towards 0; biases, batch norms and trained thresholds do not decay"},
      optimizer.weight_decay, at_least(0.0));
  optimizer.beta1 = s.number({"beta1", "adam, adamw: decay of the mean gradient"}, optimizer.beta1,
                             below(0.0, 1.0));
  optimizer.beta2 = s.number({"beta2", "adam, adamw: decay of the mean squared gradient"},
                             optimizer.beta2, below(0.0, 1.0));
  optimizer.eps = s.number({"eps", "adam, adamw: added to the root of the mean squared gradient"},
                           optimizer.eps, above(0.0));
  optimizer.glorot_scale = s.boolean(
      {"glorot_scale",
       "multiply the steps of quantized weights by the Glorot scale of their layer (BinaryNet)"},
      optimizer.glorot_scale);
  optimizer.train = s.texts({"train",
                             "kinds of parameters to train: some of weight, bias, norm and "
                             "quantizer; all others stay as they are"},
                            optimizer.train);
  const auto unknown = [](const std::string& kind) {
    return std::ranges::find(train::parameter_kinds(), kind) == train::parameter_kinds().end();
  };
  if (optimizer.train.empty() || std::ranges::any_of(optimizer.train, unknown)) {
    s.reject("train", fmt::format("a list of kinds of parameters, some of {}",
                                  fmt::join(train::parameter_kinds(), ", ")));
  }
  optimizer.quantizer_lr_scale = s.number(
      {"quantizer_lr_scale", "learning rate of trained thresholds and steps, relative to lr"},
      optimizer.quantizer_lr_scale, at_least(0.0));
  return optimizer;
}

train::ScheduleOptions read_schedule(const Settings& s, double lr) {
  train::ScheduleOptions schedule;
  schedule.name =
      s.choice({"name", "how the learning rate changes over the run (quench list schedules)"},
               schedule.name, names_of(train::registered_schedules()));
  schedule.warmup_epochs =
      s.number({"warmup_epochs", "epochs, or a fraction of one, in which the rate rises to lr"},
               schedule.warmup_epochs, {0.0, double{kMostEpochs}});
  schedule.step_epochs = s.integer(
      {"step_epochs", "step: epochs between two drops; give this, drop_steps or milestones"},
      schedule.step_epochs, kCount);
  schedule.drop_steps = s.integer({"drop_steps", "step: optimizer steps between two drops"},
                                  schedule.drop_steps, kCount);
  schedule.milestones = s.integers(
      {"milestones", "step: the epochs, counted from 0, at whose first step the rate drops"},
      schedule.milestones, kPositive);
  schedule.gamma =
      s.number({"gamma", "step: factor at each drop"}, schedule.gamma, above(0.0, 1.0));
  schedule.final_lr =
      s.number({"final_lr", "cosine, exponential: the rate at the end, at most optimizer.lr"},
               schedule.final_lr, at_least(0.0));
  if (schedule.final_lr > lr)
    s.reject("final_lr", fmt::format("a number in 0..{}, which is optimizer.lr", lr));
  schedule.restart_steps =
      s.integer({"restart_steps", "cosine_restarts, fat: optimizer steps between two restarts"},
                schedule.restart_steps, kPositive);
  schedule.decay = s.number({"decay", "fat: exponential decay of the rate per step"},
                            schedule.decay, at_least(0.0));
  return schedule;
}

TrainConfig read_train(const Settings& s) {
  TrainConfig train;
  train.epochs =
      s.integer({"epochs", "passes over the training images"}, train.epochs, {1, kMostEpochs});
  train.batch_size = s.integer({"batch_size", "images per optimizer step, of each process"},
                               train.batch_size, kPositive);
  train.seed = static_cast<std::uint64_t>(s.integer(
      {"seed", "of all random numbers: initial weights, order of images, augmentation, dropout"},
      static_cast<std::int64_t>(train.seed), kCount));
  train.threads = static_cast<int>(
      s.integer({"threads", "threads, of each process; 0 takes all cores, or OMP_NUM_THREADS"},
                train.threads, kThreads));
  train.loss = s.choice({"loss", "what training minimizes"}, train.loss, layers::known_losses());
  train.label_smoothing = s.number(
      {"label_smoothing", "cross_entropy: share of the target that all classes divide equally"},
      train.label_smoothing, below(0.0, 1.0));
  train.checkpoint_every_steps =
      s.integer({"checkpoint_every_steps",
                 "optimizer steps between checkpoints within an epoch; 0 saves after epochs only"},
                train.checkpoint_every_steps, kCount);
  train.keep_last = s.integer(
      {"keep_last", "checkpoints to keep of the last n epochs, in addition to last and best"},
      train.keep_last, kCount);
  train.keep_best =
      s.integer({"keep_best", "checkpoints to keep of the n best epochs"}, train.keep_best, kCount);
  train.keep_every =
      s.integer({"keep_every", "checkpoint to keep of every n-th epoch; 0 keeps none"},
                train.keep_every, kCount);
  train.bn_batches = s.integer({"bn_batches",
                                "batches on which batch norm is estimated again before evaluation "
                                "with quantized weights; 0 is off"},
                               train.bn_batches, kCount);
  train.bn_freeze_epoch = s.integer({"bn_freeze_epoch",
                                     "the epoch, counted from 0, from which the statistics of "
                                     "batch norms stay as they are; -1 is never"},
                                    train.bn_freeze_epoch, {-1, kMostEpochs});
  train.sync_batch_norm = s.boolean(
      {"sync_batch_norm", "several processes: normalize by the batches of all of them together"},
      train.sync_batch_norm);
  train.gradient_bits = static_cast<int>(
      s.integer({"gradient_bits",
                 "bits of the gradient at the output of quantized layers (DoReFa); 0 is off"},
                train.gradient_bits, {0, 8}));
  train.precision = find_precision(
      s.choice({"precision", "of the operands of convolutions and matrix products in training"},
               "float32", {"float32", "bfloat16"}),
      "train.precision");
  train.integer_forward =
      s.choice(
          {"forward",
           "how training multiplies forward: integer sums codes as evaluation and the engine do, "
           "in layers whose values are on their grids; float multiplies values in train.precision"},
          "integer", {"integer", "float"}) == "integer";
  train.eval_batch_size = s.integer({"eval_batch_size", "images per batch of evaluation"},
                                    train.eval_batch_size, kPositive);
  train.init_from = s.text({"init_from",
                            "run folder or checkpoint whose weights training starts from; relative "
                            "to the folder of the command"},
                           train.init_from);
  train.max_steps_per_epoch =
      s.integer({"max_steps_per_epoch", "ends epochs early, for quick tries; 0 is no limit"},
                train.max_steps_per_epoch, kCount);
  train.verify_every = s.integer(
      {"verify_every",
       "epochs between checks that the frozen network gives the same integers; 0 is never"},
      train.verify_every, kCount);
  train.verify_batches =
      s.integer({"verify_batches", "batches of eval_batch_size that such a check compares"},
                train.verify_batches, kPositive);
  return train;
}

DistillConfig read_distill(const Settings& s) {
  DistillConfig distill;
  distill.teacher =
      s.text({"teacher",
              "run folder or checkpoint of the teacher; relative to the folder of the command"});
  distill.loss = s.choice({"loss", "distance of logits that training minimizes"}, distill.loss,
                          layers::known_distillation_losses());
  distill.temperature = s.number({"temperature", "kl: temperature that divides the logits"},
                                 distill.temperature, above(0.0));
  distill.label_weight = s.number(
      {"label_weight", "share of the loss that comes from labels; the teacher has the rest"},
      distill.label_weight, {0.0, 1.0});
  return distill;
}

/// The keys of [model] with a graph.
onnx::OnnxNetworkOptions read_onnx_options(const Settings& s) {
  return {
      .fold_batch_norm =
          s.choice({"batch_norm", "keep batch norms of the graph, or fold them into convolutions"},
                   "keep", {"keep", "fold"}) == "fold",
      .random_weights = s.choice({"weights", "the file's, or random ones to train from scratch"},
                                 "file", {"file", "random"}) == "random",
      .quantizers =
          s.choice({"quantizers",
                    "keep the graph's own quantizers, or take the float network under them"},
                   "file", {"file", "none"}) == "file",
      .replace_head =
          s.choice(
              {"head", "keep the last layer, or replace it by a new one for the data's classes"},
              "file", {"file", "replace"}) == "replace"};
}

/// The keys of a network's builder stay unread.
ModelConfig read_model(const Settings& s) {
  ModelConfig model{.name = {}, .onnx = {}, .output = {}, .options = {}, .settings = s};
  if (!s.has("onnx")) {
    if (!s.has("name"))
      s.reject("name",
               "the name of a network (quench list models), or model.onnx = \"FILE\" for one of "
               "your own");
    model.name = s.choice({"name", "a network (quench list models); or give onnx"},
                          names_of(layers::models::registered_models()));
    return model;
  }
  if (s.has("name")) s.reject("name", "either this or model.onnx, not both");
  model.onnx = s.text({"onnx",
                       "ONNX file of a network of your own, instead of name; relative to the "
                       "folder of the command"});
  model.name = model.onnx.filename().string();
  if (model.name.empty()) s.reject("onnx", "the name of an ONNX file");
  model.output = s.text({"output",
                         "the output, or inner value, of the ONNX graph that gives the logits; "
                         "empty: the only output"},
                        "");
  model.options = read_onnx_options(s);
  return model;
}

/// Reads one plain section and reports what it did not know.
template <typename Read>
auto section(const Settings& root, const char* key, Read read) {
  const Settings table = root.table(key);
  auto config = read(table);
  table.finish();
  return config;
}

/// quant.method = "float" means a network without quantizers: "none" alone would keep those of
/// other [quant] rules, such as the one for an 8-bit image. A run's config stores the result in
/// full.
void drop_quantizers(Settings& settings) {
  const Settings quant = settings.table("quant");
  const SettingsValue* method = quant.find("method");
  const auto* name = method == nullptr ? nullptr : std::get_if<std::string>(&method->data);
  if (name != nullptr && *name == "float")
    settings.set("quant", Settings::from({{"method", "none"}}));
}

constexpr int kFloatBits = 32;

struct SlotRule {
  std::string method;
  int bits;
};

/// The slot's own table takes precedence.
SlotRule rule_for(const Settings& quant, const char* slot) {
  const Settings table = quant.table(slot);
  const std::string method = table.text("method", quant.text("method", "none"));
  constexpr std::int64_t kDefaultBits = 8;
  const auto bits = table.integer("bits", quant.integer("bits", kDefaultBits));
  return {method, method == "none" ? kFloatBits : static_cast<int>(bits)};
}

}  // namespace

ptq::CalibrationOptions read_calibration(const Settings& experiment, std::int64_t batch_size) {
  const Settings s = experiment.table("calibration");
  ptq::CalibrationOptions config;
  config.batches = s.integer({"batches", "batches of training images, without augmentation"},
                             config.batches, kPositive);
  config.batch_size = s.integer({"batch_size", "images per batch; default train.eval_batch_size"},
                                batch_size, kPositive);
  constexpr std::int64_t kInOrder = -1;
  const std::int64_t seed = s.integer(
      {"sample_seed", "draws the images at random with this seed; -1: the first images, in order"},
      kInOrder, {kInOrder, std::numeric_limits<std::int32_t>::max()});
  if (seed != kInOrder) config.sample_seed = static_cast<std::uint64_t>(seed);
  // The methods' own numbers serve weights and activations alike.
  ptq::CalibratorOptions options;
  options.percentile =
      s.number({"percentile", "percentile: percentage of absolute values inside the range"},
               options.percentile, above(0.0, 100.0));
  options.momentum = s.number({"momentum", "moving_average: weight of what was seen before"},
                              options.momentum, {0.0, 1.0});
  options.bins = static_cast<int>(
      s.integer({"bins", "bins of the histograms of activations"}, options.bins, {1, 65536}));
  config.weights = config.activations = options;
  config.reconstruct = ptq::read_reconstruction(s);
  // A scale that clips the largest weights serves codes better that may be other than the nearest.
  const std::string weights = config.reconstruct.wanted() ? "mse" : options.method;
  config.weights.method = s.choice(
      {"weights",
       "how ranges of weights are chosen (quench list calibrators); default mse with reconstruct"},
      weights, calibrators());
  config.activations.method =
      s.choice({"activations", "how ranges of activations are chosen (quench list calibrators)"},
               options.method, calibrators());
  config.order = s.choice({"order",
                           "float: one pass of the float network; topological: each layer after "
                           "its quantized predecessors"},
                          config.order, {"float", "topological"});
  config.relu6 = s.choice(
      {"relu6", "replace every ReLU6 by ReLU, so that equalization reaches the layers around it"},
      config.relu6, {"keep", "replace"});
  config.equalize = s.boolean({"equalize", "cross-layer equalization, before ranges are chosen"},
                              config.equalize);
  config.absorb_bias = s.boolean(
      {"absorb_bias", "move high biases into the next layer, after equalize"}, config.absorb_bias);
  if (config.absorb_bias && !config.equalize)
    s.reject("absorb_bias", "false without equalize, which makes biases high");
  config.depthwise_rescale =
      s.boolean({"depthwise_rescale", "FAT's rescaling of depthwise layers, instead of equalize"},
                config.depthwise_rescale);
  if (config.depthwise_rescale && config.equalize)
    s.reject("depthwise_rescale", "false with equalize, which evens out the same channels");
  config.bias_correction = s.choice({"bias_correction",
                                     "remove the mean error of each output: mean inputs of images "
                                     "(empirical) or batch norms (analytic)"},
                                    config.bias_correction, {"none", "empirical", "analytic"});
  if (config.reconstruct.wanted() && config.bias_correction != "none")
    s.reject("bias_correction",
             "\"none\" with reconstruct, whose codes already leave each output its mean (--set "
             "calibration.bias_correction=none)");
  s.finish();
  return config;
}

ExperimentConfig read_experiment(Settings settings, std::string name) {
  drop_quantizers(settings);
  ExperimentConfig config;
  config.name = std::move(name);
  config.root = settings;
  settings.text({"description", "a note for the reader of the file"},
                "");  // for the reader of the file
  config.model.settings = settings.table("model");
  config.quant.settings = settings.table("quant");
  config.quant.folding = quant::read_batch_norm_folding(config.quant.settings);
  config.data = section(settings, "data", read_data);
  config.optimizer = section(settings, "optimizer", read_optimizer);
  config.schedule = section(settings, "schedule", [&](const Settings& s) {
    return read_schedule(s, config.optimizer.lr);
  });
  config.train = section(settings, "train", read_train);
  if (settings.has("distill")) config.distill = section(settings, "distill", read_distill);
  if (settings.has("calibration"))
    config.calibration = read_calibration(settings, config.train.eval_batch_size);
  settings.finish_own_keys();
  config.model = read_model(config.model.settings);
  return config;
}

namespace {

/// The name of an experiment from its file; a run folder's config.toml is named after the folder.
std::string name_of(const std::filesystem::path& config) {
  const std::filesystem::path folder = std::filesystem::absolute(config).parent_path();
  return (config.filename() == "config.toml" ? folder.filename() : config.stem()).string();
}

}  // namespace

std::string ExperimentConfig::resolved_with_absolute_paths() const {
  struct Path {
    const char *table, *key;
    std::string value;
  };
  // The path as given in the file: in a run folder, model.onnx is the folder's own copy.
  const std::string network = model.onnx.empty() ? std::string() : root.table("model").text("onnx");
  // Written into the settings as absolute paths.
  for (const Path& path :
       {Path{"data", "dir", data.dir}, Path{"model", "onnx", network},
        Path{"train", "init_from", train.init_from}, Path{"distill", "teacher", distill.teacher}}) {
    if (path.value.empty()) continue;
    SettingsValue absolute(std::filesystem::absolute(path.value).lexically_normal().string());
    Settings table = root.table(path.table);
    absolute.origin = table.origin(path.key);
    table.set(path.key, std::move(absolute));
  }
  return resolved();
}

ExperimentConfig load_experiment(const std::filesystem::path& path,
                                 const std::vector<std::string>& overrides) {
  ExperimentConfig config = read_experiment(load_settings(path, overrides), name_of(path));
  const std::filesystem::path kept = path.parent_path() / kNetworkFile;
  if (!config.model.onnx.empty() && path.filename() == "config.toml" &&
      std::filesystem::exists(kept))
    config.model.onnx = kept;
  return config;
}

QuantRule quant_rule(const Settings& quant) {
  const SlotRule weight = rule_for(quant, "weight");
  const SlotRule activation = rule_for(quant, "activation");
  return {.method = weight.method == activation.method ? weight.method
                                                       : weight.method + " / " + activation.method,
          .weight_bits = weight.bits,
          .activation_bits = activation.bits};
}

}  // namespace quench::experiments
