#pragma once

#include <span>
#include <vector>

namespace quench::quant {

/// How often |x| falls into bins of equal width, from 0 upwards, batch after batch.
///
/// The first batch with a value that counts sets the width: its largest |x| / bins. A later batch
/// that reaches further appends bins of that width (methods' "growing range"); past 8 x `bins` of
/// them, neighbours are merged and the width doubles, so that one outlier cannot take all memory.
/// Values below 2^-126 count as 0.
class MagnitudeHistogram {
 public:
  /// @throws std::invalid_argument  unless bins >= 1
  explicit MagnitudeHistogram(int bins);

  /// @param x        finite values: this rank's of a batch that all ranks add (core/communicator.h)
  /// @param max_abs  the largest |x| of the batch
  void add(std::span<const float> x, float max_abs);

  /// Whole numbers; one bin while there are only zeros. The last bin includes its upper edge.
  std::span<const double> counts() const { return counts_; }
  /// Of a bin; 0 while there are only zeros.
  double width() const { return double{reach_} / bins_; }

 private:
  void cover(float max_abs);
  void merge_pairs();

  int bins_;
  float reach_ = 0.0f;  // upper edge of the first bins_ bins
  std::vector<double> counts_{0.0};
};

/// The counts that `bins` bins over the same range would hold, as if values lay evenly inside each
/// of the given ones.
std::vector<double> resample_counts(std::span<const double> counts, std::size_t bins);

}  // namespace quench::quant
