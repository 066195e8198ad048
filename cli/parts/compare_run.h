#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "experiments/compare/comparison_folder.h"
#include "support/child_process.h"

namespace quench::command {

/// One run of a comparison on its way: a process that trains, then one that evaluates.
class CompareRun {
 public:
  enum class State { running, done, failed };

  /// Starts or resumes its training. `folder` must outlive it.
  /// @param program, data_dir  as in CompareOptions
  CompareRun(const train::ComparisonFolder& folder, const train::ComparisonRun& run,
             std::string program, std::string data_dir);

  /// Looks how it stands, and starts the evaluation once the training is over.
  State poll();
  void ask_to_stop();

  const train::ComparisonRun& run() const { return run_; }
  int exit_status() const { return exit_status_; }  ///< of the process that failed

 private:
  void start_training();
  void start_evaluation();
  State finish();
  std::filesystem::path evaluation_output() const;

  const train::ComparisonFolder& folder_;
  train::ComparisonRun run_;
  std::string program_, data_dir_;
  std::unique_ptr<ChildProcess> process_;
  bool evaluating_ = false, stopping_ = false;
  int exit_status_ = 0;
};

}  // namespace quench::command
