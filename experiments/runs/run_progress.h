#pragma once

#include <cstdint>
#include <string>

#include "experiments/runs/checkpoint.h"
#include "support/progress.h"

namespace quench::train {

/// What a run has to do, for the time it will take. Work is counted in forward passes of images.
struct RunWork {
  std::int64_t epochs = 0;
  std::int64_t steps = 0;      ///< of an epoch
  std::int64_t images = 0;     ///< of a step, on this rank
  std::int64_t evaluated = 0;  ///< forward passes after an epoch, see images_to_evaluate()
};

/// Shows on a bar how far an epoch is, its evaluation included, and how long the whole run will take.
class RunProgress {
 public:
  /// From where `start` is.
  RunProgress(ProgressBar& bar, const RunWork& work, const Progress& start);
  void begin_epoch(std::int64_t epoch);  ///< from 0
  void add_step(double loss);            ///< the mean of the epoch so far

 private:
  std::int64_t step_work() const;
  std::int64_t epoch_work() const;

  ProgressBar& bar_;
  RunWork work_;
};

}  // namespace quench::train
