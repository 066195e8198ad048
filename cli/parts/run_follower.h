#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "experiments/runs/run_display.h"
#include "experiments/runs/run_listing.h"
#include "support/progress.h"

namespace quench::command {

/// Shows what another process adds to a run folder: a line per epoch, and the steps of the one in
/// progress on a bar.
class RunFollower {
 public:
  /// @param title  begins each line
  /// @param table  where the epochs go, of all that are followed
  RunFollower(std::filesystem::path folder, std::string title, train::EpochTable& table);

  /// Shows what is new; once the run has ended, how. False from then on, unless it is taken up again.
  /// @throws std::runtime_error  for a damaged folder
  bool poll();
  /// How far a run is that poll() found running.
  void show_progress(ProgressBar& bar);
  const train::RunState& state() const { return state_; }

 private:
  void show_epochs();
  void show_end();

  std::filesystem::path folder_;
  std::string title_;
  train::EpochTable& table_;
  train::RunState state_;
  std::size_t shown_ = 0;                    // lines of epochs
  std::optional<std::int64_t> epoch_shown_;  // on the bar
  bool ended_ = false;
};

}  // namespace quench::command
