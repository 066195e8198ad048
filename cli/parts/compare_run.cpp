#include "cli/parts/compare_run.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "support/file.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

}  // namespace

CompareRun::CompareRun(const train::ComparisonFolder& folder, const train::ComparisonRun& run,
                       std::string program, std::string data_dir)
    : folder_(folder), run_(run), program_(std::move(program)), data_dir_(std::move(data_dir)) {
  // Given even where the config says the same, so that QUENCH_DATA does not come in between.
  if (data_dir_.empty()) data_dir_ = folder.comparison().variants.at(run.variant).data_dir;
  start_training();
}

void CompareRun::start_training() {
  const fs::path target = folder_.run(run_);
  std::vector<std::string> words{program_, "train"};
  if (fs::exists(target / "config.toml")) {
    words.insert(words.end(), {"--resume", target.string()});
  } else {
    fs::remove_all(target);  // killed before there was anything to go on from
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

}  // namespace quench::command
