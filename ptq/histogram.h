#pragma once

#include <span>
#include <vector>

namespace quench::ptq {

/// A histogram of |x| with bins of equal width from 0 upwards, filled batch by batch.
///
/// The first batch with a nonzero value sets the width: its largest |x| / bins. A later batch with
/// larger values appends bins of that width; beyond 8 x `bins` bins, adjacent bins are merged and
/// the width doubles, so that one outlier cannot use up all memory. Values below 2^-126 count as 0.
class MagnitudeHistogram {
 public:
  /// @throws std::invalid_argument  unless bins >= 1
  explicit MagnitudeHistogram(int bins);

  /// @param x        finite values: this rank's part of a batch that all ranks add
  ///                 (core/communicator.h)
  /// @param max_abs  the largest |x| of the batch
  void add(std::span<const float> x, float max_abs);

  /// Integer counts; one bin while there are only zeros. The last bin includes its upper edge.
  std::span<const double> counts() const { return counts_; }
  /// The width of a bin; 0 while there are only zeros.
  double width() const { return double{reach_} / bins_; }

 private:
  void cover(float max_abs);
  void merge_pairs();

  int bins_;
  float reach_ = 0.0f;  // upper edge of the first bins_ bins
  std::vector<double> counts_{0.0};
};

/// The counts for `bins` bins over the same range, assuming a uniform distribution within each
/// given bin.
std::vector<double> resample_counts(std::span<const double> counts, std::size_t bins);

}  // namespace quench::ptq
