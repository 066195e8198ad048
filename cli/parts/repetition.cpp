#include "cli/parts/repetition.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/command.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "cli/parts/stop_signal.h"
#include "core/parallel.h"
#include "experiments/run.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/run_difference.h"
#include "support/console.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

/// What is not as it was in a part; all that may explain other bits.
std::vector<std::string> differences_to(const train::RunPart& part) {
  const auto now = train::current_versions(part.versions.seed, {});
  std::vector<std::string> differences = train::different_versions(part.versions, now);
  const auto add_if_changed = [&differences](const std::string& commit) {
    if (commit.ends_with("-dirty"))
      differences.push_back(fmt::format("sources were changed after commit {}", commit));
  };
  add_if_changed(part.versions.commit);
  if (now.commit != part.versions.commit) add_if_changed(now.commit);
  return differences;
}

/// Changes to the config after part `first`, up to and with part `last`.
std::vector<train::KeyChange> changes_between(const train::RunHistory& history, std::size_t first,
                                              std::size_t last) {
  std::vector<train::KeyChange> changes;
  for (std::size_t i = first + 1; i <= last; ++i)
    changes.insert(changes.end(), history.parts[i].changes.begin(), history.parts[i].changes.end());
  return changes;
}

class Repeater {
 public:
  Repeater(const fs::path& original, const train::RunHistory& history,
           const RepetitionOptions& options, const std::function<train::RunFolder()>& make_folder)
      : original_(original), history_(history), options_(options), make_folder_(make_folder) {}

  Repetition run() {
    const std::vector<train::TrainedPart> parts = train::trained_parts(history_);
    for (std::size_t i = 0; i < parts.size() && !is_beyond(parts[i]); ++i)
      run_part(parts[i], i == 0 ? nullptr : &parts[i - 1]);
    return {std::move(*folder_), whole_, std::move(differences_)};
  }

 private:
  bool is_beyond(const train::TrainedPart& part) const {
    return history_.parts[part.index].epoch >= options_.epochs;
  }

  /// One that leaves the threads open is repeated with those it had.
  train::ExperimentConfig load_config(std::size_t part) const {
    std::vector<std::string> overrides = train::config_of_part(history_, part);
    for (std::string& where : data_dir_override(options_.data_dir)) overrides.push_back(where);
    train::ExperimentConfig config = train::load_experiment(require_run(original_), overrides);
    config.name = options_.name;
    if (config.train.threads > 0) {
      apply_threads(config);
    } else {
      set_num_threads(history_.parts[part].versions.threads);
      flush_denormals();
    }
    return config;
  }

  void run_part(const train::TrainedPart& part, const train::TrainedPart* before) {
    train::ExperimentConfig config = load_config(part.index);
    whole_ = part.end_epoch < 0 && options_.epochs == config.train.epochs;
    note_differences(history_.parts[part.index]);
    std::optional<train::Run> run;
    if (before == nullptr) {
      run.emplace(std::move(config));
      start(*run);
    } else {
      run.emplace(std::move(config), *folder_);
      describe_part(*folder_, train::read_history(folder_->versions()), *run,
                    changes_between(history_, before->index, part.index), options_.command_line);
    }
    // The config's epochs stay, as schedules depend on them; a part of them is stopped after.
    train::Position until{.epoch = options_.epochs};
    if (part.end_epoch >= 0)
      until = std::min(until, {.epoch = part.end_epoch, .step_in_epoch = part.end_step});
    run->train(
        *folder_, [] { return stop_signal() != 0; }, until);
    if (stop_signal() != 0) throw Exit{128 + stop_signal()};
  }

  void start(train::Run& run) {
    folder_.emplace(make_folder_());
    describe_run(*folder_, run.config(), options_.command_line);
    train::write_class_names(folder_->classes(), run.data().train->class_names());
    catch_stop_signals();
    keep_log(folder_->log());
    say(fmt::format("run folder {}", folder_->path().string()));
  }

  void note_differences(const train::RunPart& part) {
    for (const std::string& difference : differences_to(part)) {
      remark(fmt::format("not as it was: {}", difference));
      differences_.push_back(difference);
    }
  }

  const fs::path& original_;
  const train::RunHistory& history_;
  const RepetitionOptions& options_;
  const std::function<train::RunFolder()>& make_folder_;
  std::optional<train::RunFolder> folder_;
  bool whole_ = false;
  std::vector<std::string> differences_;
};

}  // namespace

Repetition make_again(const fs::path& original, const train::RunHistory& history,
                      const RepetitionOptions& options,
                      const std::function<train::RunFolder()>& make_folder) {
  return Repeater(original, history, options, make_folder).run();
}

}  // namespace quench::command
