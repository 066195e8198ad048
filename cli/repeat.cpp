#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/parts/repetition.h"
#include "cli/parts/run_options.h"
#include "experiments/config/resumed_config.h"
#include "experiments/runs/run_difference.h"
#include "experiments/runs/run_history.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"
#include "support/text_number.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string run;
  std::string target;
  std::int64_t epochs = 0;
  RepetitionOptions repetition;
};

/// What is repeated.
struct Original {
  fs::path folder;
  train::RunHistory history;
  std::vector<train::EpochMetrics> epochs;
};

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
  Original original{.folder = folder,
                    .history = train::read_history(fs::path(folder) / "versions.json"),
                    .epochs = epochs_in(folder)};
  train::require_unedited(folder, original.history);
  for (const train::RunPart& part : original.history.parts) {
    require(part.versions.ranks == 1,
            "{}: expected a run of one process, got one of {} ranks: train it anew by mpirun -n {} "
            "with its config.toml, and compare the checkpoints",
            folder, part.versions.ranks, part.versions.ranks);
  }
  return original;
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

/// Epochs to make and compare.
std::int64_t epochs_to_repeat(const Options& options, const Original& original) {
  const auto done = std::ssize(original.epochs);
  require(options.epochs <= done, "repeat --epochs: expected at most the {} of {}, got {}",
          counted(done, "epoch"), original.folder.string(), options.epochs);
  return options.epochs > 0 ? options.epochs : done;
}

/// Prints it; true if all bits agree.
bool compare(const Original& original, const train::RunFolder& repeated, bool whole) {
  const auto epochs = train::read_epoch_metrics(repeated.epoch_metrics());
  const auto difference = train::first_difference(original.epochs, epochs);
  say(fmt::format("metrics of {}: {}", counted(std::ssize(epochs), "epoch"),
                  difference ? "differ first in " + *difference : "the same bits"));
  if (!whole) {
    say("checkpoints: not compared, as the runs end in different epochs");
    return !difference;
  }
  const auto tensors =
      train::different_tensors(original.folder / "last.safetensors", repeated.last());
  if (tensors.empty()) {
    say("last checkpoint: the same bits");
  } else {
    say(fmt::format("last checkpoint: {} tensors differ; the first of them {}", tensors.size(),
                    tensors.front()));
  }
  return !difference && tensors.empty();
}

void repeat(const Options& options) {
  require_run(options.run);
  const Original original = read_original(options.run);
  RepetitionOptions how = options.repetition;
  how.epochs = epochs_to_repeat(options, original);
  how.name = clean(options.run).filename().string();
  const Repetition repetition =
      make_again(original.folder, original.history, how, [&] { return folder_for(options); });
  if (compare(original, repetition.folder, repetition.whole)) return;
  if (!repetition.differences.empty())
    say(fmt::format("likely cause: {}", fmt::join(repetition.differences, "; ")));
  throw Exit{1};
}

}  // namespace

void add_repeat(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "repeat", "Repeat a run from its config and report whether the bits agree");
  const auto options = std::make_shared<Options>();
  options->repetition.command_line = std::move(command_line);
  command.add("RUN", options->run, "Run folder of quench train", {.required = true});
  command.add("--run", options->target, "Folder for the new run (default: <run>-repeat-<n>)",
              {.type_name = "DIR"});
  command.add("--epochs", options->epochs, "Only the first N epochs, compared by their metrics",
              {.type_name = "N", .min = 1, .max = 1000000});
  command.add("--data-dir", options->repetition.data_dir, "Where the data set lies",
              {.type_name = "DIR"});
  command.run([options] { repeat(*options); });
}

}  // namespace quench::command
