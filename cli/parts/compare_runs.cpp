#include "cli/parts/compare_runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "cli/parts/stop_signal.h"
#include "experiments/compare/comparison_report.h"
#include "experiments/runs/metrics.h"
#include "experiments/runs/run_state.h"
#include "support/child_process.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"
#include "support/text_number.h"

namespace quench::cli {
namespace {

namespace fs = std::filesystem;
using experiments::ComparisonRun;

constexpr auto kPause = std::chrono::milliseconds(100);
constexpr std::size_t kLogLines = 5;

/// A run whose parent was killed saves and stops, which takes a moment.
void wait_until_free(const fs::path& run) {
  constexpr int kMostPauses = 600;  // a minute
  for (int i = 0; i < kMostPauses && experiments::FolderLock::is_held(run); ++i) {
    if (stop_signal() != 0) return;
    std::this_thread::sleep_for(kPause);
  }
}

/// The last lines of a log, indented.
std::string end_of(const fs::path& log) {
  std::string text = read_text(log);
  while (text.ends_with('\n')) text.pop_back();
  std::size_t begin = text.size();
  for (std::size_t i = 0; i < kLogLines && begin != std::string::npos && begin > 0; ++i) {
    begin = text.rfind('\n', begin - 1);
  }
  text = begin == std::string::npos ? text : text.substr(begin + 1);
  std::string result = "  ";
  for (const char c : text) result += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return result;
}

/// One run of a comparison in progress: a process that trains, then one that evaluates.
class CompareRun {
 public:
  enum class State { running, done, failed };

  /// Starts or resumes its training. `folder` must outlive it.
  /// @param program, data_dir  as in CompareOptions
  CompareRun(const experiments::ComparisonFolder& folder, const experiments::ComparisonRun& run,
             std::string program, std::string data_dir);

  /// Checks its state, and starts the evaluation when the training has ended.
  State poll();
  void ask_to_stop();

  const experiments::ComparisonRun& run() const { return run_; }
  int exit_status() const { return exit_status_; }  ///< of the process that failed

 private:
  void start_training();
  void start_evaluation();
  State finish();
  std::filesystem::path evaluation_output() const;

  const experiments::ComparisonFolder& folder_;
  experiments::ComparisonRun run_;
  std::string program_, data_dir_;
  std::unique_ptr<ChildProcess> process_;
  bool evaluating_ = false, stopping_ = false;
  int exit_status_ = 0;
};

CompareRun::CompareRun(const experiments::ComparisonFolder& folder,
                       const experiments::ComparisonRun& run, std::string program,
                       std::string data_dir)
    : folder_(folder), run_(run), program_(std::move(program)), data_dir_(std::move(data_dir)) {
  // Always passed, so that QUENCH_DATA has no effect.
  if (data_dir_.empty()) data_dir_ = folder.comparison().variants.at(run.variant).data_dir;
  start_training();
}

void CompareRun::start_training() {
  const fs::path target = folder_.run(run_);
  std::vector<std::string> words{program_, "train"};
  if (fs::exists(target / "config.toml")) {
    words.insert(words.end(), {"--resume", target.string()});
  } else {
    fs::remove_all(target);  // killed before there was a state to resume from
    words.insert(words.end(), {folder_.config(run_).string(), "--set",
                               fmt::format("train.seed={}", run_.seed), "--run", target.string()});
  }
  words.insert(words.end(), {"--data-dir", data_dir_});
  process_ = std::make_unique<ChildProcess>(ChildProcess::Options{
      .words = std::move(words), .output = folder_.log(run_), .errors = folder_.log(run_)});
}

void CompareRun::start_evaluation() {
  evaluating_ = true;
  fs::remove(evaluation_output());
  process_ = std::make_unique<ChildProcess>(ChildProcess::Options{
      .words = {program_, "eval", folder_.run(run_).string(), "--json", "--data-dir", data_dir_},
      .output = evaluation_output(),
      .errors = folder_.log(run_)});
}

CompareRun::State CompareRun::poll() {
  const std::optional<int> status = process_->poll();
  if (!status) return State::running;
  exit_status_ = *status;
  if (exit_status_ != 0) {
    fs::remove(evaluation_output());
    return State::failed;
  }
  if (evaluating_) return finish();
  start_evaluation();
  if (stopping_) process_->ask_to_stop();
  return State::running;
}

CompareRun::State CompareRun::finish() {
  const std::vector<std::byte> result = read_file(evaluation_output());
  write_file_atomically(folder_.test(run_), result);
  fs::remove(evaluation_output());
  return State::done;
}

void CompareRun::ask_to_stop() {
  stopping_ = true;
  process_->ask_to_stop();
}

fs::path CompareRun::evaluation_output() const {
  fs::path path = folder_.test(run_);
  return path += ".tmp";
}

class Runner {
 public:
  using OnProgress = std::function<void(const std::vector<ComparisonRun>&)>;

  Runner(const experiments::ComparisonFolder& folder, const CompareOptions& options,
         const OnProgress& on_progress)
      : folder_(folder), options_(options), on_progress_(on_progress) {
    for (const ComparisonRun& run : experiments::all_runs(folder.comparison())) {
      (folder.is_done(run) ? finished_ : waiting_).push_back(run);
    }
  }

  std::vector<ComparisonRun> run() {
    bar_.begin("compare", total(), total() - left());
    while (!active_.empty() || (!waiting_.empty() && stop_signal() == 0)) {
      start_some();
      std::this_thread::sleep_for(kPause);
      if (stop_signal() != 0 && !stopping_) stop();
      look_after_active();
    }
    return failed_;
  }

 private:
  void start_some() {
    const auto jobs = static_cast<std::size_t>(options_.jobs);
    while (active_.size() < jobs && !waiting_.empty() && stop_signal() == 0) {
      wait_until_free(folder_.run(waiting_.front()));
      active_.emplace_back(folder_, waiting_.front(), options_.program, options_.data_dir);
      waiting_.pop_front();
    }
  }

  void stop() {
    stopping_ = true;
    remark("stopping: each run saves its state");
    for (CompareRun& run : active_) run.ask_to_stop();
  }

  void look_after_active() {
    for (auto run = active_.begin(); run != active_.end();) {
      const CompareRun::State state = run->poll();
      if (state == CompareRun::State::running) {
        ++run;
        continue;
      }
      const ComparisonRun which = run->run();
      const int status = run->exit_status();
      run = active_.erase(run);
      state == CompareRun::State::done ? report_done(which) : report_failed(which, status);
    }
    bar_.set_note(note());
    bar_.advance_to(total() - left());
  }

  void report_done(const ComparisonRun& run) {
    finished_.push_back(run);
    on_progress_(failed_);
    const experiments::RunOutcome outcome = experiments::read_outcome(folder_, run);
    double seconds = 0.0;
    for (const double epoch : outcome.epoch_seconds) seconds += epoch;
    remark(fmt::format("run {}/{}  {}: test top1 {:.2f} % after {} in {}", finished_.size(),
                       run_count(), name(run), outcome.test->of_network(),
                       counted(std::ssize(outcome.epoch_seconds), "epoch"),
                       format_duration(seconds)));
  }

  void report_failed(const ComparisonRun& run, int status) {
    if (stopping_) return;  // it was asked to stop
    failed_.push_back(run);
    remark(fmt::format("{} failed with exit status {}; the end of {}:\n{}", name(run), status,
                       folder_.log(run).string(), end_of(folder_.log(run))));
    on_progress_(failed_);
  }

  std::string name(const ComparisonRun& run) const {
    return experiments::run_name(folder_.comparison(), run);
  }

  std::size_t run_count() const { return experiments::all_runs(folder_.comparison()).size(); }

  std::int64_t epochs_of(const ComparisonRun& run) const {
    return folder_.comparison().variants.at(run.variant).epochs;
  }

  experiments::RunState state_of(const ComparisonRun& run) const {
    const fs::path state = folder_.run(run) / experiments::kRunStateFile;
    return fs::exists(state) ? experiments::read_run_state(state) : experiments::RunState{};
  }

  /// In thousandths of an epoch.
  std::int64_t total() const {
    std::int64_t total = 0;
    for (const ComparisonRun& run : experiments::all_runs(folder_.comparison()))
      total += 1000 * epochs_of(run);
    return total;
  }

  /// A run that has ended in any way has nothing left.
  std::int64_t left() const {
    std::int64_t left = 0;
    const auto add = [&](const ComparisonRun& run) {
      left += 1000 * epochs_of(run) - experiments::thousandths_done(state_of(run));
    };
    for (const ComparisonRun& run : waiting_) add(run);
    for (const CompareRun& active : active_) add(active.run());
    return left;
  }

  /// "5/24 runs  lsq seed 1 epoch 2/3"
  std::string note() const {
    std::vector<std::string> parts;
    for (const CompareRun& active : active_) {
      const ComparisonRun& run = active.run();
      const std::int64_t epoch = std::min(state_of(run).epoch + 1, epochs_of(run));
      parts.push_back(fmt::format("{} epoch {}/{}", name(run), epoch, epochs_of(run)));
    }
    return fmt::format("{}/{} runs  {}", finished_.size(), run_count(), fmt::join(parts, ", "));
  }

  const experiments::ComparisonFolder& folder_;
  const CompareOptions& options_;
  const OnProgress& on_progress_;
  ProgressBar bar_;
  std::deque<ComparisonRun> waiting_;
  std::deque<ComparisonRun> finished_;
  std::list<CompareRun> active_;
  std::vector<ComparisonRun> failed_;
  bool stopping_ = false;
};

namespace fs = std::filesystem;

}  // namespace

std::vector<ComparisonRun> make_missing_runs(
    const experiments::ComparisonFolder& folder, const CompareOptions& options,
    const std::function<void(const std::vector<ComparisonRun>&)>& on_progress) {
  return Runner(folder, options, on_progress).run();
}

}  // namespace quench::cli
