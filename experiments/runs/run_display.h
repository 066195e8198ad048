#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/runs/checkpoint.h"
#include "experiments/runs/metrics.h"
#include "support/progress.h"

namespace quench::train {

/// An epoch, and what its line depends on.
struct EpochLine {
  MetricsRow row;
  std::int64_t epochs = 0;  ///< of the whole run
  bool quantized = false;   ///< whether the network is, so that there are two accuracies
  /// Columns of the row that a quantizer reports, such as "alpha".
  std::vector<std::string_view> of_quantizers = {};
  std::string title = {};  ///< begins the line: which run it is of, where there are several
};

/// The epochs of a run as they come, in lines of a table:
///
///   epoch    loss  train %  quantized %  float %       lr  img/s   time
///     1/8  1.8218    32.46        65.50    72.00  2.9e-03   2538   0:02
class EpochTable {
 public:
  /// The line of an epoch, after one with the column names if they have changed. A column that some
  /// epochs have no value for (quantized, those of quantizers, time spent waiting for data) appears
  /// with the first value. The least important columns are dropped if `width` is too small.
  std::string lines(const EpochLine& epoch, int width);

 private:
  std::string names_;  // the line above
  bool quantized_ = false, wait_ = false;
  std::set<std::string_view> of_quantizers_;
};

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
