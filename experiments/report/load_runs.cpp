#include "core/parallel.h"
#include "core/safetensors.h"
#include "experiments/report/report.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "experiments/search/bit_search.h"
#include "support/error.h"
#include "train/evaluate.h"

namespace quench::experiments::report {
namespace {

namespace fs = std::filesystem;

/// None, with a note in the record, if the images are unavailable.
std::optional<Data> try_load_data(const ExperimentConfig& config, RunRecord& record) {
  try {
    Data data = load_data(config);
    require_classes(record.folder, data.train->class_names());
    return data;
  } catch (const std::exception& error) {
    record.notes.push_back(fmt::format(
        "activations, noise and mistakes are missing because its images are unavailable: {}",
        error.what()));
    return std::nullopt;
  }
}

std::vector<std::string> class_names(const fs::path& folder, const std::optional<Data>& data) {
  if (const fs::path file = folder / "classes.txt"; fs::exists(file)) return read_class_names(file);
  return data ? data->train->class_names() : std::vector<std::string>{};
}

/// The preparation before evaluation: see evaluate_quantized_and_float().
void prepare(layers::Module& network, const ExperimentConfig& config, const Data& data) {
  if (config.train.bn_batches == 0 || !train::has_stale_batch_norm(network)) return;
  const auto training = training_loader(config, data.train);
  train::reestimate_stale_batch_norm(network, *training, config.train.bn_batches);
}

std::optional<Measurements> measure_run(RunRecord& record, const LoadOptions& options) {
  const fs::path checkpoint = record.folder / (options.checkpoint + ".safetensors");
  if (!fs::exists(checkpoint)) {
    if (fs::exists(record.folder / kSearchFile)) return std::nullopt;
    record.notes.push_back(
        fmt::format("no checkpoint {}, so layers are missing", checkpoint.string()));
    return std::nullopt;
  }
  const ExperimentConfig config = load_experiment(record.folder / "config.toml", options.overrides);
  if (config.train.threads > 0) set_num_threads(config.train.threads);
  const std::optional<Data> data = try_load_data(config, record);
  const std::vector<std::string> classes = class_names(record.folder, data);
  const auto network = build_network(
      config, {.image = image_shape(config), .classes = static_cast<int>(classes.size())});
  train::load_network(*network, config.model.name, read_safetensors(checkpoint), checkpoint);
  if (data) prepare(*network, config, *data);
  return measure(*network, config, classes, data ? &*data : nullptr, options.images);
}

}  // namespace

std::vector<RunReport> load_runs(const std::vector<fs::path>& folders, const LoadOptions& options) {
  std::vector<RunRecord> records;
  for (const fs::path& folder : folders) records.push_back(read_run_record(folder));
  name_runs(records);
  std::vector<RunReport> runs;
  for (RunRecord& record : records) {
    RunReport run{std::move(record), options.checkpoint, std::nullopt};
    try {
      run.measured = measure_run(run.record, options);
    } catch (const std::exception& error) {
      run.record.notes.push_back(fmt::format("layers are missing: {}", error.what()));
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace quench::experiments::report
