#include "cli/parts/run_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cli/parts/ranks.h"
#include "core/communicator.h"
#include "core/onednn/library.h"
#include "core/parallel.h"
#include "experiments/config/resumed_config.h"
#include "experiments/runs/kept_checkpoints.h"
#include "experiments/runs/run_history.h"
#include "layers/attach_quantizers.h"
#include "layers/quantized_layer.h"
#include "support/console.h"
#include "support/error.h"

namespace quench::cli {

std::vector<std::string> data_dir_override(const std::string& given) {
  const char* environment = std::getenv("QUENCH_DATA");
  std::string dir = given;
  if (dir.empty() && environment != nullptr) dir = environment;
  if (dir.empty()) return {};
  return {fmt::format("data.dir=\"{}\"", dir)};
}

std::string checkpoint_override(const std::string& given) {
  const bool is_run = std::filesystem::is_directory(given);
  const std::string file = is_run ? require_checkpoint(given, "last").string() : given;
  return fmt::format("train.init_from=\"{}\"", file);
}

void add_skip_bad(bool given, std::vector<std::string>& overrides) {
  if (given) overrides.emplace_back("data.skip_bad=true");
}

namespace {

void print_precision_note(layers::Module& network) {
  const std::vector<layers::QuantizedLayer*> layers = network.quantized_layers();
  const auto count = std::ranges::count_if(layers, &layers::QuantizedLayer::takes_bfloat16);
  remark(fmt::format(
      "note: train.precision = bfloat16: {} of {} convolutions and linear layers can multiply in "
      "it{}",
      count, layers.size(),
      count == std::ssize(layers)
          ? ""
          : "; the others are depthwise, or only their weight or only their input is quantized"));
  if (!onednn::has_bf16())
    remark(
        "note: this CPU has no bfloat16 instructions: float32 multiplies the rounded operands, "
        "which gains no speed");
}

}  // namespace

void print_notes(layers::Module& network, const experiments::ExperimentConfig& config) {
  std::fflush(stdout);
  for (const std::string& note : layers::quantization_notes(network, config.quant.settings))
    remark(fmt::format("note: {}", note));
  if (config.train.precision == Precision::bfloat16) print_precision_note(network);
}

void apply_threads(const experiments::ExperimentConfig& config) {
  if (communicator().size() > 1) {
    set_num_threads(threads_of_rank(config.train.threads));
  } else if (config.train.threads > 0) {
    set_num_threads(config.train.threads);
  }
  flush_denormals();
}

std::filesystem::path require_run(const std::filesystem::path& folder) {
  std::filesystem::path config = folder / "config.toml";
  if (!std::filesystem::exists(folder)) fail("run folder {} does not exist", folder.string());
  if (!std::filesystem::exists(config))
    fail("{} is not a run folder: it has no config.toml", folder.string());
  return config;
}

experiments::ExperimentConfig load_run_config(const std::filesystem::path& folder,
                                              const std::vector<std::string>& overrides) {
  const std::filesystem::path config = require_run(folder);
  const std::filesystem::path versions = folder / "versions.json";
  try {
    if (std::filesystem::exists(versions))
      experiments::require_unedited(folder, experiments::read_history(versions));
  } catch (const std::runtime_error& error) {  // damaged; the network works without it
    remark(fmt::format("note: {}", error.what()));
  }
  return experiments::load_experiment(config, overrides);
}

std::filesystem::path require_checkpoint(const std::filesystem::path& run,
                                         const std::string& which) {
  require(which == "last" || which == "best" || which.starts_with("epoch-"),
          "--checkpoint: expected last, best or epoch-N, got '{}'", which);
  std::filesystem::path path = run / (which + ".safetensors");
  if (std::filesystem::exists(path)) return path;
  std::string kept;
  for (const std::int64_t epoch : experiments::kept_epochs(run))
    kept += fmt::format(", epoch-{}", epoch);
  fail("{}: the run has no {} checkpoint{}: expected {}", run.string(), which,
       kept.empty() ? " yet" : fmt::format(" (it keeps {})", kept.substr(2)), path.string());
}

experiments::RunFolder new_run_folder(const std::string& given, const std::string& name) {
  return given.empty() ? experiments::RunFolder::create("runs", name)
                       : experiments::RunFolder::create_at(given);
}

}  // namespace quench::cli
