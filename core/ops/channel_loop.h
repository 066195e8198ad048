#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
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
    const std::int64_t grain = kParallelGrain / std::max<std::int64_t>(channels_, 1) + 1;
    parallel_for(rows_, grain, [body, this](std::int64_t begin, std::int64_t end) {
      for_range(begin * channels_, end * channels_, body);
    });
  }
  /// The same for elements [begin, end), on this thread.
  template <typename Body>
  void for_range(std::int64_t begin, std::int64_t end, Body body) const {
    const std::int64_t width = width_;
    std::int64_t first = begin < end ? begin % channels_ : 0;
    for (std::int64_t at = begin; at < end; first = 0) {
      const std::int64_t count = std::min(width - first, end - at);
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) body(at + i, first + i);
      at += count;
    }
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
  /// The least and the largest element of each channel, [C] each; a NaN is passed over.
  struct Extents {
    std::vector<float> least, largest;
  };
  /// Sums terms(v, i, c) over the rows of each channel, for element v of `values`, which has the loop's shape, and i
  /// and c as in for_each. Short runs are summed in float, the runs in double. The runs depend only on the shape, so
  /// the number of threads does not change the result.
  /// @param extents  if not null, receives those of `values`
  template <typename TermsOf>
  Sums sum(const Tensor& values, TermsOf terms, Extents* extents = nullptr) const {
    const std::int64_t chunks = std::clamp<std::int64_t>(rows_ * channels_ / kChunk, 1, kMaxChunks);
    std::vector<double> totals(static_cast<std::size_t>(chunks * 2 * channels_));
    std::vector<float> lines(static_cast<std::size_t>(chunks * kLines * width_));
    parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        const std::int64_t first = rows_ * chunk / chunks, last = rows_ * (chunk + 1) / chunks;
        float* const own_lines = lines.data() + chunk * kLines * width_;
        double* const total = totals.data() + chunk * 2 * channels_;
        if (extents != nullptr) {
          sum_rows<true>(first, last, values, terms, own_lines, total);
        } else {
          sum_rows<false>(first, last, values, terms, own_lines, total);
        }
      }
    });
    if (extents != nullptr) *extents = merge_extents(lines, chunks);
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
  // A chunk needs the sums of a run, room for values, and the least and the largest of each place.
  static constexpr std::int64_t kLines = 5;

  /// Adds the sums of rows [begin, end) to `total`, [2, C]; `lines` has room for kLines lines.
  ///
  /// Line by line in memory order: processing several lines at once saves loads and stores of the
  /// sums, but was two to four times slower on tensors larger than the cache.
  template <bool kExtents, typename TermsOf>
  void sum_rows(std::int64_t begin, std::int64_t end, const Tensor& values, TermsOf terms,
                float* lines, double* total) const {
    const std::int64_t width = width_, last = end * channels_;
    float* first = lines;
    float* second = lines + width;
    float* buffer = lines + 2 * width;
    float* least = lines + 3 * width;
    float* largest = lines + 4 * width;
    std::fill_n(least, width, std::numeric_limits<float>::infinity());
    std::fill_n(largest, width, -std::numeric_limits<float>::infinity());
    for (std::int64_t at = begin * channels_; at < last;) {
      const std::int64_t stop = std::min(last, at + kLinesPerRun * width);
      std::fill_n(lines, 2 * width, 0.0f);
      for (; at < stop; at += width) {
        const std::int64_t count = std::min(width, stop - at);
        const float* line = values.read(at, at + count, buffer);
#pragma omp simd
        for (std::int64_t c = 0; c < count; ++c) {
          const float value = line[c];
          const Terms a = terms(value, at + c, c);
          first[c] += a.first;
          second[c] += a.second;
          if constexpr (kExtents) {
            least[c] = value < least[c] ? value : least[c];
            largest[c] = value > largest[c] ? value : largest[c];
          }
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

  Extents merge_extents(const std::vector<float>& lines, std::int64_t chunks) const {
    const auto channels = static_cast<std::size_t>(channels_);
    Extents result{std::vector<float>(channels, std::numeric_limits<float>::infinity()),
                   std::vector<float>(channels, -std::numeric_limits<float>::infinity())};
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const float* least = lines.data() + (chunk * kLines + 3) * width_;
      const float* largest = least + width_;
      for (std::int64_t from = 0; from < width_; from += channels_) {
        for (std::size_t c = 0; c < channels; ++c) {
          result.least[c] = std::min(result.least[c], least[from + static_cast<std::int64_t>(c)]);
          result.largest[c] =
              std::max(result.largest[c], largest[from + static_cast<std::int64_t>(c)]);
        }
      }
    }
    return result;
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
