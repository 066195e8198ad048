#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "cli/parts/stop_signal.h"
#include "core/parallel.h"
#include "experiments/config/resumed_config.h"
#include "experiments/run.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/run_difference.h"
#include "experiments/runs/run_folder.h"
#include "experiments/runs/run_history.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"
#include "support/text_number.h"

namespace quench::cli {
namespace {

namespace fs = std::filesystem;

struct RepetitionOptions {
  std::string name;  ///< the run's name, for its summary
  std::string data_dir;
  std::int64_t epochs = 0;  ///< epochs to repeat: all of the run's, or fewer
  std::vector<std::string> command_line;
};

/// A repeated run.
struct Repetition {
  experiments::RunFolder folder;
  bool whole = false;                    ///< to its last epoch
  std::vector<std::string> differences;  ///< in the original's conditions, over all parts
};

/// The differences from the original's conditions in one part: everything that may explain other
/// bits.
std::vector<std::string> differences_to(const experiments::RunPart& part) {
  const auto now = experiments::current_versions(part.versions.seed, {});
  std::vector<std::string> differences = experiments::different_versions(part.versions, now);
  const auto add_if_changed = [&differences](const std::string& commit) {
    if (commit.ends_with("-dirty"))
      differences.push_back(fmt::format("sources were changed after commit {}", commit));
  };
  add_if_changed(part.versions.commit);
  if (now.commit != part.versions.commit) add_if_changed(now.commit);
  return differences;
}

/// Changes to the config after part `first`, up to and including part `last`.
std::vector<experiments::KeyChange> changes_between(const experiments::RunHistory& history,
                                                    std::size_t first, std::size_t last) {
  std::vector<experiments::KeyChange> changes;
  for (std::size_t i = first + 1; i <= last; ++i)
    changes.insert(changes.end(), history.parts[i].changes.begin(), history.parts[i].changes.end());
  return changes;
}

class Repeater {
 public:
  Repeater(const fs::path& original, const experiments::RunHistory& history,
           const RepetitionOptions& options,
           const std::function<experiments::RunFolder()>& make_folder)
      : original_(original), history_(history), options_(options), make_folder_(make_folder) {}

  Repetition run() {
    const std::vector<experiments::TrainedPart> parts = experiments::trained_parts(history_);
    for (std::size_t i = 0; i < parts.size() && !is_beyond(parts[i]); ++i)
      run_part(parts[i], i == 0 ? nullptr : &parts[i - 1]);
    return {std::move(*folder_), whole_, std::move(differences_)};
  }

 private:
  bool is_beyond(const experiments::TrainedPart& part) const {
    return history_.parts[part.index].epoch >= options_.epochs;
  }

  /// If the config leaves the number of threads open, uses the original's number.
  experiments::ExperimentConfig load_config(std::size_t part) const {
    std::vector<std::string> overrides = experiments::config_of_part(history_, part);
    for (std::string& where : data_dir_override(options_.data_dir)) overrides.push_back(where);
    experiments::ExperimentConfig config =
        experiments::load_experiment(require_run(original_), overrides);
    config.name = options_.name;
    if (config.train.threads > 0) {
      apply_threads(config);
    } else {
      set_num_threads(history_.parts[part].versions.threads);
      flush_denormals();
    }
    return config;
  }

  void run_part(const experiments::TrainedPart& part, const experiments::TrainedPart* before) {
    experiments::ExperimentConfig config = load_config(part.index);
    whole_ = part.end_epoch < 0 && options_.epochs == config.train.epochs;
    note_differences(history_.parts[part.index]);
    std::optional<experiments::Run> run;
    if (before == nullptr) {
      run.emplace(std::move(config));
      start(*run);
    } else {
      run.emplace(std::move(config), *folder_);
      describe_part(*folder_, experiments::read_history(folder_->versions()), *run,
                    changes_between(history_, before->index, part.index), options_.command_line);
    }
    // Keeps the config's number of epochs, because schedules depend on it, and stops early.
    experiments::Position until{.epoch = options_.epochs};
    if (part.end_epoch >= 0)
      until = std::min(until, {.epoch = part.end_epoch, .step_in_epoch = part.end_step});
    run->train(
        *folder_, [] { return stop_signal() != 0; }, until);
    if (stop_signal() != 0) throw Exit{128 + stop_signal()};
  }

  void start(experiments::Run& run) {
    folder_.emplace(make_folder_());
    describe_run(*folder_, run.config(), options_.command_line);
    experiments::write_class_names(folder_->classes(), run.data().train->class_names());
    catch_stop_signals();
    keep_log(folder_->log());
    say(fmt::format("run folder {}", folder_->path().string()));
  }

  void note_differences(const experiments::RunPart& part) {
    for (const std::string& difference : differences_to(part)) {
      remark(fmt::format("differs from the original: {}", difference));
      differences_.push_back(difference);
    }
  }

  const fs::path& original_;
  const experiments::RunHistory& history_;
  const RepetitionOptions& options_;
  const std::function<experiments::RunFolder()>& make_folder_;
  std::optional<experiments::RunFolder> folder_;
  bool whole_ = false;
  std::vector<std::string> differences_;
};

/// Repeats the parts of `original` in order, each with its config and threads, in the folder that
/// `make_folder` returns once the first part can begin. Reports differences on stderr.
Repetition make_again(const fs::path& original, const experiments::RunHistory& history,
                      const RepetitionOptions& options,
                      const std::function<experiments::RunFolder()>& make_folder) {
  return Repeater(original, history, options, make_folder).run();
}

struct RepeatOptions {
  std::string run;
  std::string target;
  std::int64_t epochs = 0;
  RepetitionOptions repetition;
};

/// The run to repeat.
struct Original {
  fs::path folder;
  experiments::RunHistory history;
  std::vector<experiments::EpochMetrics> epochs;
};

std::vector<experiments::EpochMetrics> epochs_in(const fs::path& folder) {
  const fs::path table = folder / "metrics.csv", lines = folder / "metrics.jsonl";
  if (!fs::exists(table))
    fail(
        "{}: the run has no metrics.csv: only runs of quench train that finished an epoch can be "
        "repeated",
        folder.string());
  std::vector<experiments::EpochMetrics> epochs;
  for (const experiments::MetricsRow& row : experiments::read_metrics(table))
    epochs.push_back({.row = row});
  if (epochs.empty()) fail("{}: the run has no finished epoch to compare with", folder.string());
  if (fs::exists(lines)) {
    const auto detailed = experiments::read_epoch_metrics(lines);
    for (std::size_t i = 0; i < std::min(epochs.size(), detailed.size()); ++i)
      if (detailed[i].row == epochs[i].row) epochs[i] = detailed[i];
  }
  return epochs;
}

Original read_original(const std::string& folder) {
  Original original{.folder = folder,
                    .history = experiments::read_history(fs::path(folder) / "versions.json"),
                    .epochs = epochs_in(folder)};
  experiments::require_unedited(folder, original.history);
  for (const experiments::RunPart& part : original.history.parts) {
    require(part.versions.ranks == 1,
            "{}: expected a run of one process, got one of {} ranks: repeat it with mpirun -n {} "
            "and its config.toml, and compare the checkpoints",
            folder, part.versions.ranks, part.versions.ranks);
  }
  return original;
}

/// Without a trailing slash, and with a name.
fs::path clean(const std::string& folder) {
  fs::path path = fs::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path == "." || path.filename() == ".." ? fs::canonical(path) : path;
}

experiments::RunFolder folder_for(const RepeatOptions& options) {
  if (!options.target.empty()) return experiments::RunFolder::create_at(options.target);
  const fs::path path = clean(options.run);
  return experiments::RunFolder::create(path.parent_path(), path.filename().string() + "-repeat");
}

/// The number of epochs to repeat and compare.
std::int64_t epochs_to_repeat(const RepeatOptions& options, const Original& original) {
  const auto done = std::ssize(original.epochs);
  require(options.epochs <= done, "repeat --epochs: expected at most the {} of {}, got {}",
          counted(done, "epoch"), original.folder.string(), options.epochs);
  return options.epochs > 0 ? options.epochs : done;
}

/// Prints the result; true if all bits agree.
bool compare(const Original& original, const experiments::RunFolder& repeated, bool whole) {
  const auto epochs = experiments::read_epoch_metrics(repeated.epoch_metrics());
  const auto difference = experiments::first_difference(original.epochs, epochs);
  say(fmt::format("metrics of {}: {}", counted(std::ssize(epochs), "epoch"),
                  difference ? "differ first in " + *difference : "the same bits"));
  if (!whole) {
    say("checkpoints: not compared, because the runs end at different epochs");
    return !difference;
  }
  const auto tensors =
      experiments::different_tensors(original.folder / "last.safetensors", repeated.last());
  if (tensors.empty()) {
    say("last checkpoint: the same bits");
  } else {
    say(fmt::format("last checkpoint: {} tensors differ; the first of them {}", tensors.size(),
                    tensors.front()));
  }
  return !difference && tensors.empty();
}

void repeat(const RepeatOptions& options) {
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
  Subcommand command =
      program.add_subcommand("repeat", "Repeat a run and report whether the bits agree");
  const auto options = std::make_shared<RepeatOptions>();
  options->repetition.command_line = std::move(command_line);
  command.add("RUN", options->run, "Run folder of quench train", {.required = true});
  command.add("--run", options->target, "Folder for the new run (default: <run>-repeat-<n>)",
              {.type_name = "DIR"});
  command.add("--epochs", options->epochs, "Only the first N epochs, compared by their metrics",
              {.type_name = "N", .min = 1, .max = 1000000});
  command.add("--data-dir", options->repetition.data_dir, "Data set folder", {.type_name = "DIR"});
  command.run([options] { repeat(*options); });
}

}  // namespace quench::cli
