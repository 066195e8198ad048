#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/parts/output.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "core/safetensors.h"
#include "datasets/cifar.h"
#include "deploy/import_cnv.h"
#include "deploy/network/model_file.h"
#include "deploy/network/packed_weights.h"
#include "experiments/config/config.h"
#include "experiments/config/config_file.h"
#include "experiments/experiment.h"
#include "experiments/import_weights.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/deployed.h"
#include "layers/models/registry.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::cli {
namespace {

constexpr const char* kCnv = "cnv_w1a1";

/// Its experiment, for the float network and the images.
constexpr const char* kCnvExperiment = R"(
[model]
name = "cnv"
[data]
name = "cifar10"
normalize = "tf"
horizontal_flip = false
)";

/// Whether this network is published as integers, so that it becomes a model file directly.
bool comes_as_integers(const std::string& model) { return model == kCnv; }

/// Writes the network as a model file (model.qnc) with its images and classes.
/// @param model  comes_as_integers()
void import_integers(const std::string& file, const std::string& model,
                     const std::filesystem::path& output) {
  deploy::IntegerNetwork network = deploy::import_cnv(read_safetensors(file));
  experiments::describe_network(
      network,
      experiments::read_experiment(experiments::parse_settings(kCnvExperiment, model), model),
      datasets::cifar10_classes());
  deploy::write_model(output, network);
  fmt::print("{}: {:.1f} KiB of weights into {}, for eval, predict and bench\n", file,
             static_cast<double>(deploy::weight_bytes(network).packed) / 1024.0, output.string());
}

struct ImportOptions {
  std::string file;
  std::string model;
  std::string output;
  std::string config;
  std::string data_dir;
  std::string run;
  std::string names;
  std::vector<std::string> overrides;
  std::vector<std::string> command_line;
  bool force = false;
};

void check(const ImportOptions& options) {
  require(options.model.empty() != options.config.empty(),
          "import: expected --model NAME for a checkpoint or --config CONFIG for a run folder, got "
          "{}",
          options.model.empty() ? "neither" : "both");
  if (options.config.empty()) {
    require(!options.output.empty(), "import --model: expected -o CHECKPOINT, got none");
    require(options.run.empty() && options.data_dir.empty(),
            "import --model: --run and --data-dir require --config");
  } else {
    require(options.output.empty(),
            "import --config: expected --run DIR, got -o: --config makes a run folder");
  }
}

void tell(const ImportOptions& options, const experiments::ImportReport& report,
          const std::string& target) {
  fmt::print("{}: {} tensors, with names of {}, into {}\n", options.file, report.tensors,
             report.source, target);
  if (report.folded_biases > 0) {
    fmt::print("folded the biases of {} convolutions into their batch norms' means\n",
               report.folded_biases);
  }
}

/// A network of [model], with as many classes as the classifier in the file.
std::unique_ptr<layers::Module> network_for(const std::string& model, const Settings& root,
                                            const experiments::ForeignWeights& weights) {
  Settings settings = root.table("model");
  layers::models::ModelInput input;
  const auto build = [&] {
    Random random(0, "initialization");
    return layers::models::make_model(model, settings, input, random);
  };
  const auto draft = build();
  settings.finish();
  root.finish_own_keys();
  input.classes = experiments::classes_in(weights, *draft, model);
  return build();
}

/// @param kind  of the output that `options` name
Output output_of(const ImportOptions& options, OutputKind kind) {
  return Output({.option = "import -o",
                 .name = options.output,
                 .kind = kind,
                 .force = options.force,
                 .reads = {options.file}});
}

void import_checkpoint(const ImportOptions& options, const experiments::ForeignWeights& weights) {
  const Output output = output_of(options, OutputKind::checkpoint);
  const auto network =
      network_for(options.model, experiments::settings_of(options.overrides), weights);
  const auto report = experiments::import_weights(*network, options.model, weights);
  write_safetensors(output.path(), train::network_state(*network, options.model));
  tell(options, report, options.output);
}

void import_run(const ImportOptions& options, const experiments::ForeignWeights& weights) {
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  const experiments::ExperimentConfig config =
      experiments::load_experiment(options.config, overrides);
  const auto network = experiments::build_network(config, experiments::data_format(config));
  require(!layers::is_quantized(*network),
          "import --config: expected a config without quantizers, got one that quantizes; import "
          "it with --set quant.method=float and quantize the run");
  const auto report = experiments::import_weights(*network, config.model.name, weights);
  // Created only now, so that weights that do not fit leave no folder.
  const experiments::RunFolder folder = new_run_folder(options.run, config.name);
  describe_run(folder, config, options.command_line);
  write_safetensors(folder.last(), train::network_state(*network, config.model.name));
  tell(options, report, folder.path().string());
}

void run(const ImportOptions& options) {
  check(options);
  if (comes_as_integers(options.model)) {
    require(options.overrides.empty(), "import --model {}: expected no --set, got {}",
            options.model, fmt::join(options.overrides, ", "));
    require(options.names.empty(), "import --model {}: expected no --names, got {}", options.model,
            options.names);
    const Output output = output_of(options, OutputKind::model);
    return import_integers(options.file, options.model, output.path());
  }
  experiments::ForeignWeights weights = experiments::read_foreign_weights(options.file);
  std::optional<experiments::NameMap> map;
  if (!options.names.empty()) weights.names = map.emplace(options.names).names();
  options.config.empty() ? import_checkpoint(options, weights) : import_run(options, weights);
}

}  // namespace

void add_import(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "import", "Import weights trained by another project from a safetensors file");
  const auto options = std::make_shared<ImportOptions>();
  options->command_line = std::move(command_line);
  command.add("FILE", options->file, "Weights, with that project's tensor names",
              {.required = true});
  command.add(
      "--config", options->config,
      "Experiment with the model and its data; makes a run folder for quench eval and other "
      "commands",
      {.type_name = "CONFIG"});
  command.add("--run", options->run, "Run folder (default: runs/<config name>-<n>)",
              {.type_name = "DIR"});
  command.add("--data-dir", options->data_dir, "Data set folder", {.type_name = "DIR"});
  command.add(
      "--model", options->model,
      "Without a config: the model (quench list models), or cnv_w1a1, published as integers",
      {.type_name = "NAME"});
  command.add("-o,--output", options->output,
              "Without a config: the checkpoint to write, or the model file for cnv_w1a1",
              {.type_name = "FILE"});
  command.add("--names", options->names,
              "Name map: each line has a name here and the name in the file",
              {.type_name = "FILE"});
  command.add("--set", options->overrides, "Override one config key, e.g. model.width=0.25",
              {.type_name = "KEY=VALUE"});
  add_force(command, options->force);
  command.run([options] { run(*options); });
}

}  // namespace quench::cli
