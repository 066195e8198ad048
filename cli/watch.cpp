#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/parts/run_options.h"
#include "cli/parts/stop_signal.h"
#include "experiments/compare/comparison_folder.h"
#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/folder_lock.h"
#include "experiments/runs/run_display.h"
#include "experiments/runs/run_listing.h"
#include "support/console.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_number.h"

namespace quench::cli {
namespace {

namespace fs = std::filesystem;

/// Shows what another process adds to a run folder: a line per epoch, and a bar with the steps of
/// the current one.
class RunFollower {
 public:
  /// @param title  the beginning of each line
  /// @param table  receives the epochs of all followed runs
  RunFollower(std::filesystem::path folder, std::string title, experiments::EpochTable& table);

  /// Prints new epochs, and the result once the run has ended. Then returns false, unless the run
  /// resumes.
  /// @throws std::runtime_error  for a damaged folder
  bool poll();
  /// Shows the progress of a run that poll() found running.
  void show_progress(ProgressBar& bar);
  const experiments::RunState& state() const { return state_; }

 private:
  void show_epochs();
  void show_end();

  std::filesystem::path folder_;
  std::string title_;
  experiments::EpochTable& table_;
  experiments::RunState state_;
  std::size_t shown_ = 0;                    // epochs printed
  std::optional<std::int64_t> epoch_shown_;  // the epoch on the bar
  bool ended_ = false;
};

/// Older runs have no metrics.jsonl, only metrics.csv.
std::vector<experiments::EpochMetrics> epochs_of_run(const fs::path& folder) {
  const fs::path lines = folder / "metrics.jsonl", table = folder / "metrics.csv";
  if (fs::exists(lines)) return experiments::read_epoch_metrics(lines);
  std::vector<experiments::EpochMetrics> epochs;
  if (!fs::exists(table)) return epochs;
  for (const experiments::MetricsRow& row : experiments::read_metrics(table))
    epochs.push_back({.row = row});
  return epochs;
}

bool is_quantized(const experiments::EpochMetrics& metrics) {
  return !metrics.layers.empty() || metrics.row.top1_quantized != metrics.row.top1_float;
}

/// The columns that its quantizers filled; the file has 0 for others.
std::vector<std::string_view> of_quantizers(const experiments::MetricsRow& row) {
  std::vector<std::string_view> reported;
  for (const experiments::MetricsColumn& column : experiments::metrics_columns()) {
    if (column.of_quantizers &&
        row.*std::get<double experiments::MetricsRow::*>(column.member) > 0.0)
      reported.push_back(column.name);
  }
  return reported;
}

RunFollower::RunFollower(fs::path folder, std::string title, experiments::EpochTable& table)
    : folder_(std::move(folder)), title_(std::move(title)), table_(table) {}

bool RunFollower::poll() {
  // Read first: everything that a run writes before it ends is there once its state says so.
  state_ = experiments::state_of_run(folder_);
  show_epochs();
  if (state_.phase == experiments::RunPhase::running) {
    ended_ = false;
    return true;
  }
  if (!ended_) show_end();
  ended_ = true;
  return false;
}

void RunFollower::show_epochs() {
  const std::vector<experiments::EpochMetrics> epochs = epochs_of_run(folder_);
  shown_ = std::min(shown_, epochs.size());  // a resumed run may have dropped some
  for (; shown_ < epochs.size(); ++shown_) {
    const experiments::EpochMetrics& metrics = epochs[shown_];
    say(table_.lines({.row = metrics.row,
                      .epochs = state_.epochs,
                      .quantized = is_quantized(metrics),
                      .of_quantizers = of_quantizers(metrics.row),
                      .title = title_},
                     terminal_width(stdout)));
  }
}

void RunFollower::show_progress(ProgressBar& bar) {
  if (state_.phase != experiments::RunPhase::running || state_.steps == 0) return;
  const std::int64_t before = state_.epoch * state_.steps, done = before + state_.step;
  if (!epoch_shown_) bar.begin("", state_.epochs * state_.steps, done);
  if (epoch_shown_ != state_.epoch)
    bar.begin_part(fmt::format("epoch {}/{}", state_.epoch + 1, state_.epochs), before,
                   before + state_.steps);
  epoch_shown_ = state_.epoch;
  bar.set_note(fmt::format("loss {:.4f}", state_.loss));
  bar.advance_to(done);
}

void RunFollower::show_end() {
  std::string line = fmt::format("{}{}{} after {} of {}", title_, title_.empty() ? "" : "  ",
                                 experiments::name_of(state_.phase), state_.epoch,
                                 counted(state_.epochs, "epoch"));
  if (!state_.message.empty()) line += ": " + state_.message;
  say(line);
  epoch_shown_.reset();
}

constexpr auto kWatchPause = std::chrono::milliseconds(300);

struct WatchOptions {
  std::string run;
};

/// Ends only this program, not the run.
void pause_or_stop() {
  std::this_thread::sleep_for(kWatchPause);
  if (stop_signal() != 0) throw Exit{128 + stop_signal()};
}

void watch_run(const fs::path& folder) {
  ProgressBar bar;
  experiments::EpochTable table;
  RunFollower follower(folder, "", table);
  while (follower.poll()) {
    follower.show_progress(bar);
    pause_or_stop();
  }
  if (follower.state().phase != experiments::RunPhase::done) throw Exit{1};
}

/// The names of its runs, padded to the longest.
class Titles {
 public:
  Titles(const fs::path& folder, const experiments::Comparison& comparison) : folder_(folder) {
    for (const experiments::ComparisonRun& run : experiments::all_runs(comparison)) {
      const std::string& variant = comparison.variants.at(run.variant).variant.name;
      width_ = std::max(width_, fmt::formatted_size("{}/seed-{}", variant, run.seed));
    }
  }
  std::string of(const fs::path& run) const {
    return fmt::format("{:<{}}", fs::relative(run, folder_).string(), width_);
  }

 private:
  fs::path folder_;
  std::size_t width_ = 0;
};

std::int64_t thousandths(const experiments::Comparison& comparison) {
  std::int64_t total = 0;
  for (const experiments::ComparisonRun& run : experiments::all_runs(comparison))
    total += 1000 * comparison.variants.at(run.variant).epochs;
  return total;
}

std::int64_t thousandths_done(const std::list<RunFollower>& followers) {
  std::int64_t done = 0;
  for (const RunFollower& follower : followers)
    done += experiments::thousandths_done(follower.state());
  return done;
}

/// Follows its runs as they begin, each under its name, until no process works on it any more.
void watch_comparison(const fs::path& folder) {
  const experiments::Comparison comparison =
      experiments::read_comparison(folder / "comparison.json");
  const Titles titles(folder, comparison);
  ProgressBar bar;
  experiments::EpochTable table;
  std::list<RunFollower> followers;
  std::vector<fs::path> known;
  bool begun = false;
  for (bool alive = true; alive;) {
    alive = experiments::FolderLock::is_held(folder);
    for (const fs::path& run : experiments::find_runs(folder)) {
      if (std::ranges::find(known, run) != known.end() || !fs::exists(run / "config.toml"))
        continue;
      known.push_back(run);
      followers.emplace_back(run, titles.of(run), table);
    }
    for (RunFollower& follower : followers) follower.poll();
    const std::int64_t done = thousandths_done(followers);
    if (!std::exchange(begun, true)) bar.begin("comparison", thousandths(comparison), done);
    bar.advance_to(done);
    if (alive) pause_or_stop();
  }
  const auto is_done = [](const RunFollower& follower) {
    return follower.state().phase == experiments::RunPhase::done;
  };
  if (followers.size() < experiments::all_runs(comparison).size() ||
      !std::ranges::all_of(followers, is_done))
    throw Exit{1};
}

void watch(const WatchOptions& options) {
  catch_stop_signals();
  if (experiments::ComparisonFolder::is_one(options.run)) return watch_comparison(options.run);
  require_run(options.run);
  watch_run(options.run);
}

}  // namespace

void add_watch(Subcommand& program) {
  Subcommand command =
      program.add_subcommand("watch", "Follow another process's run or comparison until it ends");
  const auto options = std::make_shared<WatchOptions>();
  command.add("RUN", options->run, "Run folder, or folder of a comparison", {.required = true});
  command.run([options] { watch(*options); });
}

}  // namespace quench::cli
