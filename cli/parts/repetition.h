#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiments/runs/run_folder.h"
#include "experiments/runs/run_history.h"

namespace quench::command {

struct RepetitionOptions {
  std::string name;  ///< of the run, for its summary
  std::string data_dir;
  std::int64_t epochs = 0;  ///< to make; the run's own, or fewer
  std::vector<std::string> command_line;
};

/// A run that was made again.
struct Repetition {
  train::RunFolder folder;
  bool whole = false;                    ///< to its last epoch
  std::vector<std::string> differences;  ///< what was not as it was, in words, of all parts
};

/// Trains the parts of `original` again, one after the other, each with its config and threads, into
/// the folder that `make_folder` gives once the first can begin. Says on stderr what is not as it was.
Repetition make_again(const std::filesystem::path& original, const train::RunHistory& history,
                      const RepetitionOptions& options,
                      const std::function<train::RunFolder()>& make_folder);

}  // namespace quench::command
