#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <list>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/parts/run_follower.h"
#include "cli/parts/run_options.h"
#include "cli/parts/stop_signal.h"
#include "experiments/compare/comparison_folder.h"
#include "experiments/runs/folder_lock.h"
#include "support/error.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

constexpr auto kPause = std::chrono::milliseconds(300);

struct Options {
  std::string run;
};

/// Ends this program alone: the run is another one.
void pause_or_stop() {
  std::this_thread::sleep_for(kPause);
  if (stop_signal() != 0) throw Exit{128 + stop_signal()};
}

void watch_run(const fs::path& folder) {
  ProgressBar bar;
  train::EpochTable table;
  RunFollower follower(folder, "", table);
  while (follower.poll()) {
    follower.show_progress(bar);
    pause_or_stop();
  }
  if (follower.state().phase != train::RunPhase::done) throw Exit{1};
}

/// The names of its runs, made as long as the longest.
class Titles {
 public:
  Titles(const fs::path& folder, const train::Comparison& comparison) : folder_(folder) {
    for (const train::ComparisonRun& run : train::all_runs(comparison)) {
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

std::int64_t thousandths(const train::Comparison& comparison) {
  std::int64_t total = 0;
  for (const train::ComparisonRun& run : train::all_runs(comparison))
    total += 1000 * comparison.variants.at(run.variant).epochs;
  return total;
}

std::int64_t thousandths_done(const std::list<RunFollower>& followers) {
  std::int64_t done = 0;
  for (const RunFollower& follower : followers) done += train::thousandths_done(follower.state());
  return done;
}

/// Its runs as they begin, each under its name, until no process works on it any more.
void watch_comparison(const fs::path& folder) {
  const train::Comparison comparison = train::read_comparison(folder / "comparison.json");
  const Titles titles(folder, comparison);
  ProgressBar bar;
  train::EpochTable table;
  std::list<RunFollower> followers;
  std::vector<fs::path> known;
  bool begun = false;
  for (bool alive = true; alive;) {
    alive = train::FolderLock::is_held(folder);
    for (const fs::path& run : train::find_runs(folder)) {
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
    return follower.state().phase == train::RunPhase::done;
  };
  if (followers.size() < train::all_runs(comparison).size() ||
      !std::ranges::all_of(followers, is_done))
    throw Exit{1};
}

void watch(const Options& options) {
  catch_stop_signals();
  if (train::ComparisonFolder::is_one(options.run)) return watch_comparison(options.run);
  require_run(options.run);
  watch_run(options.run);
}

}  // namespace

void add_watch(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "watch", "Follow a run or a comparison of another process until it ends");
  const auto options = std::make_shared<Options>();
  command.add("RUN", options->run, "Run folder, or folder of a comparison", {.required = true});
  command.run([options] { watch(*options); });
}

}  // namespace quench::command
