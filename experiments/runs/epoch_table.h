#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/runs/metrics.h"

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
  /// epochs have no value for (quantized, those of quantizers, time spent waiting for data) appears with the first
  /// value. The least important columns are dropped if `width` is too small.
  std::string lines(const EpochLine& epoch, int width);

 private:
  std::string names_;  // the line above
  bool quantized_ = false, wait_ = false;
  std::set<std::string_view> of_quantizers_;
};

}  // namespace quench::train
