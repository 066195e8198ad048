#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "experiments/runs/checkpoint.h"

namespace quench::train {

/// What became of a run.
enum class RunPhase : std::uint8_t {
  running,
  done,
  stopped,  ///< asked to, and it saved its state
  killed,   ///< ended without a word: it says that it runs, but no process holds its folder
  failed,
};
std::string_view name_of(RunPhase phase);  ///< "running", ...

/// The file's name in a run folder.
inline constexpr const char* kRunStateFile = "state.json";

/// What state.json of a run folder says.
struct RunState {
  RunPhase phase = RunPhase::running;
  std::int64_t epoch = 0;   ///< completed
  std::int64_t epochs = 0;  ///< of the whole run
  std::int64_t step = 0;    ///< of the epoch in progress
  std::int64_t steps = 0;   ///< of an epoch
  double loss = 0.0;        ///< mean over the images of the epoch in progress
  std::string started;      ///< "2026-11-22T02:22:10Z", of the first process
  std::string updated;
  std::string message;  ///< of a run that failed: why
};

/// Epochs that are done, with the part of the one in progress, in thousandths of an epoch.
std::int64_t thousandths_done(const RunState& state);

/// As JSON, and back: the phase is the key "state". @throws std::runtime_error  naming `path`
std::string text_of(const RunState& state);
RunState read_run_state(const std::filesystem::path& path);

/// A moment as state.json writes it, in UTC.
std::string utc_text(std::chrono::system_clock::time_point time);

/// Seconds since 1970, fractions included.
double unix_time();

/// Keeps state.json up to date while a run goes on.
class RunStateWriter {
 public:
  /// Says that the run goes, at `progress`; one that goes on keeps the start it had.
  /// @throws std::runtime_error  if the file cannot be written
  RunStateWriter(std::filesystem::path path, std::int64_t epochs, std::int64_t steps_per_epoch,
                 const Progress& progress);

  /// Writes the progress, at once after an epoch, else at most every two seconds. A failed write ends
  /// no training: everything that a resume needs is in other files.
  void update(const Progress& progress);
  /// The last words: done, stopped, or failed with a message. Likewise without an error.
  void end(RunPhase phase, const Progress& progress, const std::string& message = {});

 private:
  void write(const Progress& progress);
  void try_to_write(const Progress& progress);

  std::filesystem::path path_;
  RunState state_;
  std::chrono::steady_clock::time_point written_;  // a clock that nobody sets
};

}  // namespace quench::train
