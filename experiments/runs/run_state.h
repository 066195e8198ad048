#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "experiments/runs/checkpoint.h"

namespace quench::experiments {

/// The state of a run.
enum class RunPhase : std::uint8_t {
  running,
  done,
  stopped,  ///< stopped on request, with its state saved
  killed,   ///< ended unexpectedly: recorded as running, but no process holds its folder
  failed,
};
std::string_view name_of(RunPhase phase);  ///< "running", ...

/// The file's name in a run folder.
inline constexpr const char* kRunStateFile = "state.json";

/// The contents of state.json.
struct RunState {
  RunPhase phase = RunPhase::running;
  std::int64_t epoch = 0;   ///< completed epochs
  std::int64_t epochs = 0;  ///< total epochs of the run
  std::int64_t step = 0;    ///< in the current epoch
  std::int64_t steps = 0;   ///< per epoch
  double loss = 0.0;        ///< mean over the current epoch's images
  std::string started;      ///< "2026-11-22T02:22:10Z", start of the first process
  std::string updated;
  std::string message;  ///< reason why a run failed
};

/// Completed epochs, including the part of the current one, in thousandths of an epoch.
std::int64_t thousandths_done(const RunState& state);

/// To and from JSON; the phase is the key "state". @throws std::runtime_error  naming `path`
std::string text_of(const RunState& state);
RunState read_run_state(const std::filesystem::path& path);

/// A time in UTC, in the format of state.json.
std::string utc_text(std::chrono::system_clock::time_point time);

/// Seconds since 1970, including fractions.
double unix_time();

/// Keeps state.json up to date during a run.
class RunStateWriter {
 public:
  /// Records a running run at `progress`; a resumed run keeps its original start.
  /// @throws std::runtime_error  if the file cannot be written
  RunStateWriter(std::filesystem::path path, std::int64_t epochs, std::int64_t steps_per_epoch,
                 const train::Progress& progress);

  /// Writes the progress, immediately after an epoch, otherwise at most every two seconds. A failed
  /// write does not end the training: other files have everything that a resume needs.
  void update(const train::Progress& progress);
  /// Records the end: done, stopped, or failed with a message. A failed write is ignored, too.
  void end(RunPhase phase, const train::Progress& progress, const std::string& message = {});

 private:
  void write(const train::Progress& progress);
  void try_to_write(const train::Progress& progress);

  std::filesystem::path path_;
  RunState state_;
  std::chrono::steady_clock::time_point written_;  // a monotonic clock
};

}  // namespace quench::experiments
