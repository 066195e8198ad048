#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <list>
#include <memory>
#include <thread>

#include "core/error.h"
#include "examples/quench/command.h"
#include "examples/quench/run_follower.h"
#include "examples/quench/run_options.h"
#include "examples/quench/stop_signal.h"
#include "train/comparison_folder.h"
#include "train/folder_lock.h"

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
  train::ProgressBar bar(train::progress_options(stdout));
  RunFollower follower(folder, "", bar);
  while (follower.poll()) pause_or_stop();
  if (follower.phase() != train::RunPhase::done) throw Exit{1};
}

/// Its runs as they begin, each under its name, until no process works on it any more.
void watch_comparison(const fs::path& folder) {
  train::ProgressBar bar(train::progress_options(stdout));
  std::list<RunFollower> followers;
  std::vector<fs::path> known;
  for (bool alive = true; alive;) {
    alive = train::FolderLock::is_held(folder);
    for (const fs::path& run : train::find_runs(folder)) {
      if (std::ranges::find(known, run) != known.end() || !fs::exists(run / "config.toml"))
        continue;
      known.push_back(run);
      followers.emplace_back(run, fs::relative(run, folder).string() + "  ", bar);
    }
    for (RunFollower& follower : followers) follower.poll();
    if (alive) pause_or_stop();
  }
  const auto is_done = [](const RunFollower& follower) {
    return follower.phase() == train::RunPhase::done;
  };
  const std::size_t all =
      train::all_runs(train::read_comparison(folder / "comparison.json")).size();
  if (followers.size() < all || !std::ranges::all_of(followers, is_done)) throw Exit{1};
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
      "watch", "Follow a run, or a comparison, that another process makes, until it ends");
  const auto options = std::make_shared<Options>();
  command.add("RUN", options->run, "Run folder, or folder of a comparison", {.required = true});
  command.run([options] { watch(*options); });
}

}  // namespace quench::command
