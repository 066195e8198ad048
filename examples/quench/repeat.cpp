#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "core/parallel.h"
#include "examples/quench/command.h"
#include "examples/quench/run_options.h"
#include "examples/quench/stop_signal.h"
#include "train/class_names.h"
#include "train/run_difference.h"
#include "train/trainer.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string run;
  std::string target;
  std::string data_dir;
  std::int64_t epochs = 0;
  std::vector<std::string> command_line;
};

/// What is repeated.
struct Original {
  fs::path folder;
  train::Versions versions;
  std::vector<train::EpochMetrics> epochs;
};

std::string text_in(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<train::EpochMetrics> epochs_in(const fs::path& folder) {
  const fs::path table = folder / "metrics.csv", lines = folder / "metrics.jsonl";
  if (!fs::exists(table))
    fail(
        "{}: this run has no metrics.csv: only runs of quench train that finished an epoch can be "
        "repeated",
        folder.string());
  std::vector<train::EpochMetrics> epochs;
  for (const train::MetricsRow& row : train::read_metrics(table)) epochs.push_back({.row = row});
  if (epochs.empty()) fail("{}: this run has no finished epoch to compare with", folder.string());
  if (fs::exists(lines)) {
    const auto detailed = train::read_epoch_metrics(lines);
    for (std::size_t i = 0; i < std::min(epochs.size(), detailed.size()); ++i)
      if (detailed[i].row == epochs[i].row) epochs[i] = detailed[i];
  }
  return epochs;
}

Original read_original(const std::string& folder) {
  return {.folder = folder,
          .versions = train::versions_from_text(text_in(fs::path(folder) / "versions.json")),
          .epochs = epochs_in(folder)};
}

/// Without a slash at the end, and with a name of its own.
fs::path clean(const std::string& folder) {
  fs::path path = fs::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path == "." || path.filename() == ".." ? fs::canonical(path) : path;
}

train::RunFolder folder_for(const Options& options) {
  if (!options.target.empty()) return train::RunFolder::create_at(options.target);
  const fs::path path = clean(options.run);
  return train::RunFolder::create(path.parent_path(), path.filename().string() + "-repeat");
}

/// A run whose config leaves the threads open is repeated with those it had.
train::ExperimentConfig load_config(const Options& options, const Original& original) {
  train::ExperimentConfig config =
      train::load_experiment(require_run(options.run), data_dir_override(options.data_dir));
  config.name = clean(options.run).filename().string();
  if (config.train.threads > 0) {
    apply_threads(config);
  } else {
    set_num_threads(original.versions.threads);
    flush_denormals();
  }
  return config;
}

void warn_of_differences(const Original& original) {
  const auto now = train::current_versions(original.versions.seed, {});
  for (const std::string& difference : train::different_versions(original.versions, now))
    fmt::print(stderr, "not as it was: {}\n", difference);
  const auto warn_if_changed = [](const std::string& commit) {
    if (commit.ends_with("-dirty"))
      fmt::print(stderr, "not certain: sources were changed after commit {}\n", commit);
  };
  warn_if_changed(original.versions.commit);
  if (now.commit != original.versions.commit) warn_if_changed(now.commit);
}

/// Epochs to make and compare.
std::int64_t epochs_to_repeat(const Options& options, const Original& original) {
  const auto done = std::ssize(original.epochs);
  require(options.epochs <= done, "repeat --epochs: expected at most the {} epochs of {}, got {}",
          done, original.folder.string(), options.epochs);
  return options.epochs > 0 ? options.epochs : done;
}

/// Prints it; true if all bits agree.
bool compare(const Original& original, const train::RunFolder& repeated, bool whole) {
  const auto epochs = train::read_epoch_metrics(repeated.epoch_metrics());
  const auto difference = train::first_difference(original.epochs, epochs);
  fmt::print("metrics of {} epochs: {}\n", epochs.size(),
             difference ? "differ first in " + *difference : "the same bits");
  if (!whole) {
    fmt::print("checkpoints: not compared, as the runs end in different epochs\n");
    return !difference;
  }
  const auto tensors =
      train::different_tensors(original.folder / "last.safetensors", repeated.last());
  if (tensors.empty()) {
    fmt::print("last checkpoint: the same bits\n");
  } else {
    fmt::print("last checkpoint: {} tensors differ; the first of them {}\n", tensors.size(),
               tensors.front());
  }
  return !difference && tensors.empty();
}

void repeat(const Options& options) {
  require_run(options.run);
  const Original original = read_original(options.run);
  require(
      original.versions.ranks == 1,
      "{}: expected a run of one process, got one of {} ranks: train it anew by mpirun -n {} with "
      "its config.toml, and compare the checkpoints",
      options.run, original.versions.ranks, original.versions.ranks);
  const std::int64_t epochs = epochs_to_repeat(options, original);
  train::ExperimentConfig config = load_config(options, original);
  const bool whole = epochs == config.train.epochs;
  train::Trainer trainer(std::move(config));
  warn_of_differences(original);
  const train::RunFolder folder = folder_for(options);
  describe_run(folder, trainer.config(), options.command_line);
  train::write_class_names(folder.classes(), trainer.data().train->class_names());
  catch_stop_signals();
  fmt::print("run folder {}\n", folder.path().string());
  std::fflush(stdout);
  // The config's epochs stay, as schedules depend on them; a part of them is stopped after.
  trainer.run(folder, [&] { return stop_signal() != 0 || trainer.epochs_done() >= epochs; });
  if (stop_signal() != 0) throw Exit{128 + stop_signal()};
  if (!compare(original, folder, whole)) throw Exit{1};
}

}  // namespace

void add_repeat(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "repeat", "Make a run again from its config and tell whether the bits agree");
  const auto options = std::make_shared<Options>();
  options->command_line = std::move(command_line);
  command.add("RUN", options->run, "Run folder of quench train", {.required = true});
  command.add("--run", options->target, "Folder for the new run (default: <run>-repeat-<n>)",
              {.type_name = "DIR"});
  command.add("--epochs", options->epochs, "Only the first N epochs, compared by their metrics",
              {.type_name = "N", .min = 1, .max = 1000000});
  command.add("--data-dir", options->data_dir, "Where the data set lies", {.type_name = "DIR"});
  command.run([options] { repeat(*options); });
}

}  // namespace quench::command
