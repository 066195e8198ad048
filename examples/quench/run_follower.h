#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "train/progress.h"
#include "train/run_listing.h"

namespace quench::command {

/// Shows what another process adds to a run folder: a line per epoch, and the steps of the one in
/// progress on the bar.
class RunFollower {
 public:
  /// @param title  begins each line
  RunFollower(std::filesystem::path folder, std::string title, train::ProgressBar& bar);

  /// Shows what is new; once the run has ended, how. False from then on, unless it is taken up again.
  /// @throws std::runtime_error  for a damaged folder
  bool poll();
  train::RunPhase phase() const { return state_.phase; }

 private:
  void show_epochs();
  void show_progress();
  void show_end();

  std::filesystem::path folder_;
  std::string title_;
  train::ProgressBar& bar_;
  train::RunState state_;
  std::size_t shown_ = 0;                    // lines of epochs
  std::optional<std::int64_t> epoch_shown_;  // on the bar
  bool ended_ = false;
};

}  // namespace quench::command
