#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/runs/checkpoint.h"
#include "experiments/runs/metrics.h"
#include "support/progress.h"

namespace quench::experiments {

/// An epoch, and what its line depends on.
struct EpochLine {
  MetricsRow row;
  std::int64_t epochs = 0;  ///< total of the run
  bool quantized = false;   ///< whether the network is quantized, so there are two accuracies
  /// Columns of the row that quantizers report, such as "alpha".
  std::vector<std::string_view> of_quantizers = {};
  std::string title = {};  ///< printed first; names the run if there are several
};

/// The epochs of a run as lines of a table:
///
///   epoch    loss  train %  quantized %  float %       lr  img/s   time
///     1/8  1.8218    32.46        65.50    72.00  2.9e-03   2538   0:02
class EpochTable {
 public:
  /// The line of an epoch, preceded by the column names if they have changed. A column that may
  /// lack values (quantized, those of quantizers, time waiting for data) appears with its first
  /// value. If `width` is too small, the least important columns are dropped.
  std::string lines(const EpochLine& epoch, int width);

 private:
  std::string names_;  // the last line of names
  bool quantized_ = false, wait_ = false;
  std::set<std::string_view> of_quantizers_;
};

/// The work of a run, to estimate its time. The unit is a forward pass of one image.
struct RunWork {
  std::int64_t epochs = 0;
  std::int64_t steps = 0;      ///< per epoch
  std::int64_t images = 0;     ///< per step, on this rank
  std::int64_t evaluated = 0;  ///< forward passes per evaluation, see images_to_evaluate()
};

/// Shows the progress of an epoch, including its evaluation, and the time remaining for the run.
class RunProgress {
 public:
  /// Starts at `start`.
  RunProgress(ProgressBar& bar, const RunWork& work, const train::Progress& start);
  void begin_epoch(std::int64_t epoch);  ///< from 0
  void add_step(double loss);            ///< mean loss of the epoch so far

 private:
  std::int64_t step_work() const;
  std::int64_t epoch_work() const;

  ProgressBar& bar_;
  RunWork work_;
};

}  // namespace quench::experiments
