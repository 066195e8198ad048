#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/communicator.h"
#include "core/parallel.h"
#include "core/tensor.h"

// Loops over [N, C] and [N, C, H, W] tensors with per-channel values. Private to core/.

namespace quench {

/// A tensor as rows of C contiguous channels. Few channels would leave vector registers half empty,
/// so several rows are processed together as one line, and per-channel vectors are repeated to the
/// line's width.
class ChannelLoop {
 public:
  explicit ChannelLoop(const Tensor& x)
      : channels_(x.dim(1)),
        rows_(channels_ == 0 ? 0 : x.numel() / channels_),
        width_(channels_ *
               std::max<std::int64_t>(1, kLine / std::max<std::int64_t>(channels_, 1))) {}

  std::int64_t channels() const { return channels_; }
  std::int64_t rows() const { return rows_; }  ///< N, or N * H * W

  /// f(channel) for every channel, repeated to the width of a line.
  template <typename F>
  std::vector<float> line(F f) const {
    std::vector<float> out(static_cast<std::size_t>(width_));
    for (std::int64_t c = 0; c < width_; ++c) {
      out[static_cast<std::size_t>(c)] =
          c < channels_ ? f(c) : out[static_cast<std::size_t>(c - channels_)];
    }
    return out;
  }

  /// Calls body(i, c) for every element: i is the index in memory, c the index in a line().
  template <typename Body>
  void for_each(Body body) const {
    const std::int64_t channels = channels_, width = width_;
    const std::int64_t grain = kParallelGrain / std::max<std::int64_t>(channels, 1) + 1;
    parallel_for(rows_, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin * channels; at < end * channels; at += width) {
        const std::int64_t count = std::min(width, end * channels - at);
#pragma omp simd
        for (std::int64_t c = 0; c < count; ++c) body(at + c, c);
      }
    });
  }

  struct Sums {
    std::vector<double> first, second;  ///< [C] each

    /// Each becomes the sum over all ranks.
    void join_ranks() {
      if (communicator().size() == 1) return;
      const auto channels = static_cast<std::ptrdiff_t>(first.size());
      std::vector<double> both = first;
      both.insert(both.end(), second.begin(), second.end());
      communicator().sum(both);
      std::copy_n(both.begin(), channels, first.begin());
      std::copy_n(both.begin() + channels, channels, second.begin());
    }
  };
  struct Terms {
    float first, second;
  };
  /// Sums terms(i, c), as in for_each, over the rows of each channel. Short runs are summed in
  /// float, the runs in double. The runs depend only on the shape, so the number of threads does
  /// not change the result.
  template <typename TermsOf>
  Sums sum(TermsOf terms) const {
    const std::int64_t chunks = std::clamp<std::int64_t>(rows_ * channels_ / kChunk, 1, kMaxChunks);
    std::vector<double> totals(static_cast<std::size_t>(chunks * 2 * channels_));
    std::vector<float> runs(static_cast<std::size_t>(chunks * 2 * width_));
    parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        sum_rows(rows_ * chunk / chunks, rows_ * (chunk + 1) / chunks, terms,
                 runs.data() + chunk * 2 * width_, totals.data() + chunk * 2 * channels_);
      }
    });
    Sums sums{std::vector<double>(static_cast<std::size_t>(channels_)),
              std::vector<double>(static_cast<std::size_t>(channels_))};
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const double* total = totals.data() + chunk * 2 * channels_;
      for (std::int64_t c = 0; c < channels_; ++c) {
        sums.first[static_cast<std::size_t>(c)] += total[c];
        sums.second[static_cast<std::size_t>(c)] += total[channels_ + c];
      }
    }
    return sums;
  }

 private:
  static constexpr std::int64_t kLine = 256;  // floats: 16 AVX-512 registers
  // Float sums this long stay within 1e-6 of exact.
  static constexpr std::int64_t kLinesPerRun = 64;
  static constexpr std::int64_t kChunk = 65536;  // elements worth a separate task
  static constexpr std::int64_t kMaxChunks = 64;

  /// Adds the sums of rows [begin, end) to `total`, [2, C]; `run` has room for two lines.
  ///
  /// Line by line in memory order: processing several lines at once saves loads and stores of the
  /// sums, but was two to four times slower on tensors larger than the cache.
  template <typename TermsOf>
  void sum_rows(std::int64_t begin, std::int64_t end, TermsOf terms, float* run,
                double* total) const {
    const std::int64_t width = width_, last = end * channels_;
    float* first = run;
    float* second = run + width;
    for (std::int64_t at = begin * channels_; at < last;) {
      const std::int64_t stop = std::min(last, at + kLinesPerRun * width);
      std::fill_n(run, 2 * width, 0.0f);
      for (; at < stop; at += width) {
        const std::int64_t count = std::min(width, stop - at);
#pragma omp simd
        for (std::int64_t c = 0; c < count; ++c) {
          const Terms a = terms(at + c, c);
          first[c] += a.first;
          second[c] += a.second;
        }
      }
      at = stop;
      for (std::int64_t from = 0; from < width; from += channels_) {
        for (std::int64_t c = 0; c < channels_; ++c) {
          total[c] += static_cast<double>(first[from + c]);
          total[channels_ + c] += static_cast<double>(second[from + c]);
        }
      }
    }
  }

  std::int64_t channels_;
  std::int64_t rows_;
  std::int64_t width_;
};

/// The number of rows on all ranks if `synchronized`, else on this rank.
inline std::int64_t whole_batch(std::int64_t rows, bool synchronized) {
  return synchronized ? rows * communicator().size() : rows;
}

}  // namespace quench
