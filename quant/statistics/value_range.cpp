#include "quant/statistics/value_range.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "core/element_source.h"
#include "core/parallel.h"
#include "quant/code.h"
#include "quant/statistics/ordered_sum.h"
#include "support/error.h"

namespace quench::quant {
namespace {

constexpr std::int32_t kMagnitude = 0x7fffffff;
constexpr std::int32_t kInfinity = 0x7f800000;
constexpr std::int64_t kPiece = 1 << 15;

/// Floats of the same sign order like their bits as integers, with NaN above infinity. An integer
/// maximum vectorizes; a float maximum that respects NaN does not.
Extent serial_extent(const float* x, std::int64_t count) {
  std::int32_t magnitude = 0, largest = 0, smallest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::int32_t>(x[i]);
    magnitude = std::max(magnitude, bits & kMagnitude);
    largest = std::max(largest, bits);
    // Negative floats order in reverse unless their magnitude bits are flipped.
    smallest = std::min(smallest, bits ^ ((bits >> 31) & kMagnitude));
  }
  const std::int32_t lowest = smallest ^ ((smallest >> 31) & kMagnitude);
  return {std::bit_cast<float>(magnitude), std::bit_cast<float>(largest),
          std::bit_cast<float>(lowest) + 0.0f, magnitude < kInfinity};
}

double serial_sum_abs(const float* x, std::int64_t count) {
  return lane_sum<double>(count, [x](std::int64_t i) { return std::abs(double{x[i]}); });
}

Sums serial_sums(const float* x, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  std::array<double, kLanes> values{}, squares{};
  const auto add = [&](std::int64_t lane, double v) {
    values[lane] += v;
    squares[lane] += v * v;
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) add(lane, double{x[i + lane]});
  }
  for (; i < count; ++i) add(0, double{x[i]});
  Sums total;
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    total.values += values[lane];
    total.squares += squares[lane];
  }
  return total;
}

/// Combines reduce(begin, end) over fixed pieces of [0, count) in order, so that the number of threads does not
/// matter.
template <typename T, typename Reduce, typename Merge>
T reduce_pieces(std::int64_t count, T start, Reduce reduce, Merge combine) {
  const std::int64_t pieces = (count + kPiece - 1) / kPiece;
  if (pieces <= 1) return count == 0 ? start : combine(start, reduce(std::int64_t{0}, count));
  std::vector<T> parts(static_cast<std::size_t>(pieces), start);
  parallel_for(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t piece = first; piece < last; ++piece) {
      const std::int64_t at = piece * kPiece;
      parts[static_cast<std::size_t>(piece)] = reduce(at, std::min(at + kPiece, count));
    }
  });
  T total = start;
  for (const T& part : parts) total = combine(total, part);
  return total;
}

/// The same with reduce(data, count).
template <typename T, typename Reduce, typename Merge>
T reduce_pieces(std::span<const float> x, T start, Reduce reduce, Merge combine) {
  return reduce_pieces(
      std::ssize(x), start,
      [=](std::int64_t begin, std::int64_t end) { return reduce(x.data() + begin, end - begin); },
      combine);
}

std::size_t slice_count(const Tensor& x, bool per_channel, std::string_view who) {
  require(x.numel() > 0, "{}: expected at least one element, got shape {}", who,
          x.shape().to_string());
  return per_channel && x.rank() > 0 ? static_cast<std::size_t>(x.dim(0)) : 1;
}

}  // namespace

Extent merge(const Extent& a, const Extent& b) {
  return {std::max(a.max_abs, b.max_abs), std::max(a.max, b.max), std::min(a.min, b.min),
          a.finite && b.finite};
}

Extent extent(std::span<const float> x) { return reduce_pieces(x, Extent{}, serial_extent, merge); }

Extent extent(const Tensor& x) {
  if (const auto known = x.known_extent()) {
    const float largest = std::max(known->largest, 0.0f), least = std::min(known->least, 0.0f);
    return {std::max(largest, -least), largest, least + 0.0f, true};
  }
  const auto of_piece = [&x](std::int64_t begin, std::int64_t end) {
    Extent result;
    for (std::int64_t at = begin; at < end; at += ElementSource::kPiece) {
      alignas(64) float buffer[ElementSource::kPiece];
      const std::int64_t stop = std::min(at + ElementSource::kPiece, end);
      result = merge(result, serial_extent(x.read(at, stop, buffer), stop - at));
    }
    return result;
  };
  return reduce_pieces(x.numel(), Extent{}, of_piece, merge);
}

Sums sums(std::span<const float> x) {
  return reduce_pieces(x, Sums{}, serial_sums, [](const Sums& a, const Sums& b) {
    return Sums{a.values + b.values, a.squares + b.squares};
  });
}

std::vector<Extent> finite_extents(const Tensor& x, bool per_channel, std::string_view who) {
  const std::size_t slices = slice_count(x, per_channel, who);
  std::vector<Extent> result(slices);
  if (slices == 1) {
    result[0] = extent(x);
  } else {
    for_each_channel(x, slices, [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
      result[channel] = serial_extent(x.data() + begin, end - begin);
    });
  }
  for (const Extent& part : result) {
    require(part.finite, "{}: expected finite values, got NaN or infinity in shape {}", who,
            x.shape().to_string());
  }
  return result;
}

std::vector<double> mean_abs(const Tensor& x, bool per_channel, std::string_view who) {
  const std::size_t slices = slice_count(x, per_channel, who);
  const auto count = static_cast<double>(x.numel()) / static_cast<double>(slices);
  std::vector<double> result(slices);
  if (slices == 1) {
    result[0] = reduce_pieces(x.span(), 0.0, serial_sum_abs, std::plus<>()) / count;
  } else {
    for_each_channel(x, slices, [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
      result[channel] = serial_sum_abs(x.data() + begin, end - begin) / count;
    });
  }
  for (const double mean : result) {
    require(std::isfinite(mean), "{}: expected finite values, got NaN or infinity in shape {}", who,
            x.shape().to_string());
  }
  return result;
}

float storable_scale(double scale) {
  return std::max(static_cast<float>(scale), std::numeric_limits<float>::min());
}

}  // namespace quench::quant
