#include "examples/quench/run_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "train/epoch_line.h"
#include "train/epoch_metrics.h"

namespace quench::command {
namespace {

namespace fs = std::filesystem;

/// Of a run from before metrics.jsonl, what metrics.csv holds.
std::vector<train::EpochMetrics> epochs_in(const fs::path& folder) {
  const fs::path lines = folder / "metrics.jsonl", table = folder / "metrics.csv";
  if (fs::exists(lines)) return train::read_epoch_metrics(lines);
  std::vector<train::EpochMetrics> epochs;
  if (!fs::exists(table)) return epochs;
  for (const train::MetricsRow& row : train::read_metrics(table)) epochs.push_back({.row = row});
  return epochs;
}

bool is_quantized(const train::EpochMetrics& metrics) {
  return !metrics.layers.empty() || metrics.row.top1_quantized != metrics.row.top1_float;
}

}  // namespace

RunFollower::RunFollower(fs::path folder, std::string title, train::ProgressBar& bar)
    : folder_(std::move(folder)), title_(std::move(title)), bar_(bar) {}

bool RunFollower::poll() {
  // Asked first: what a run wrote before it ended is there once it says so.
  state_ = train::state_of_run(folder_);
  show_epochs();
  if (state_.phase == train::RunPhase::running) {
    ended_ = false;
    show_progress();
    return true;
  }
  if (!ended_) show_end();
  ended_ = true;
  return false;
}

void RunFollower::show_epochs() {
  const std::vector<train::EpochMetrics> epochs = epochs_in(folder_);
  shown_ = std::min(shown_, epochs.size());  // a run taken up again may have dropped some
  for (; shown_ < epochs.size(); ++shown_) {
    const train::EpochMetrics& metrics = epochs[shown_];
    bar_.line(title_ + train::epoch_line(metrics.row, state_.epochs, is_quantized(metrics),
                                         metrics.row.alpha > 0.0));
  }
}

void RunFollower::show_progress() {
  if (state_.steps == 0) return;
  if (epoch_shown_ != state_.epoch) {
    bar_.begin(fmt::format("{}epoch {}/{}", title_, state_.epoch + 1, state_.epochs), state_.steps,
               state_.step);
    epoch_shown_ = state_.epoch;
  }
  bar_.update(state_.step, fmt::format("loss {:.4f}", state_.loss));
}

void RunFollower::show_end() {
  std::string line = fmt::format("{}{} after {} of {} epochs", title_, train::name_of(state_.phase),
                                 state_.epoch, state_.epochs);
  if (!state_.message.empty()) line += ": " + state_.message;
  bar_.line(line);
  epoch_shown_.reset();
}

}  // namespace quench::command
