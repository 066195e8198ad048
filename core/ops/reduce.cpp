#include "core/ops/reduce.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// Elements per partial result. This affects the numerics: another value rounds sums differently.
constexpr std::int64_t kPiece = kParallelGrain;
/// Partial rows of sum_per_channel; bounds its memory at this many times C doubles.
constexpr std::int64_t kMaxPieces = 64;

/// Combines piece(begin, end) over fixed pieces of [0, count), in order.
template <typename T, typename Piece, typename Combine>
T reduce(std::int64_t count, T init, Piece piece, Combine combine) {
  const std::int64_t pieces = (count + kPiece - 1) / kPiece;
  std::vector<T> partial(static_cast<std::size_t>(pieces));
  parallel_for(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) {
      partial[static_cast<std::size_t>(p)] = piece(p * kPiece, std::min((p + 1) * kPiece, count));
    }
  });
  for (const T& value : partial) init = combine(init, value);
  return init;
}

float larger(float a, float b) { return b > a ? b : a; }
float smaller(float a, float b) { return b < a ? b : a; }

}  // namespace

double sum(const Tensor& x) {
  const float* in = x.data();
  const auto piece = [in](std::int64_t begin, std::int64_t end) {
    double total = 0.0;
#pragma omp simd reduction(+ : total)
    for (std::int64_t i = begin; i < end; ++i) total += static_cast<double>(in[i]);
    return total;
  };
  return reduce(x.numel(), 0.0, piece, [](double a, double b) { return a + b; });
}

double mean(const Tensor& x) {
  require(x.numel() > 0, "mean: expected at least one element, got shape {}",
          x.shape().to_string());
  return sum(x) / static_cast<double>(x.numel());
}

float max_abs(const Tensor& x) {
  const float* in = x.data();
  const auto piece = [in](std::int64_t begin, std::int64_t end) {
    float largest = 0.0f;
#pragma omp simd reduction(max : largest)
    for (std::int64_t i = begin; i < end; ++i) largest = larger(largest, std::abs(in[i]));
    return largest;
  };
  return reduce(x.numel(), 0.0f, piece, larger);
}

MinMax min_max(const Tensor& x) {
  require(x.numel() > 0, "min_max: expected at least one element, got shape {}",
          x.shape().to_string());
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float* in = x.data();
  const auto piece = [in](std::int64_t begin, std::int64_t end) {
    float low = kInfinity, high = -kInfinity;
#pragma omp simd reduction(min : low) reduction(max : high)
    for (std::int64_t i = begin; i < end; ++i) {
      low = smaller(low, in[i]);
      high = larger(high, in[i]);
    }
    return MinMax{low, high};
  };
  return reduce(x.numel(), MinMax{kInfinity, -kInfinity}, piece, [](MinMax a, MinMax b) {
    return MinMax{smaller(a.min, b.min), larger(a.max, b.max)};
  });
}

Tensor sum_per_channel(const Tensor& x) {
  require(x.rank() == 2 || x.rank() == 4,
          "sum_per_channel: expected [N, C] or [N, C, H, W], got {}", x.shape().to_string());
  const std::int64_t channels = x.dim(1);
  Tensor out = Tensor::zeros({channels});
  if (x.numel() == 0) return out;

  const std::int64_t rows = x.numel() / channels;
  const std::int64_t piece_rows =
      std::max((rows + kMaxPieces - 1) / kMaxPieces, kPiece / channels + 1);
  const std::int64_t pieces = (rows + piece_rows - 1) / piece_rows;
  Tensor partial = Tensor::zeros({pieces, channels}, DType::f64);
  const float* in = x.data();
  double* sums = partial.data<double>();
  parallel_for(pieces, 1, [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) {
      double* total = sums + p * channels;
      for (std::int64_t row = p * piece_rows; row < std::min((p + 1) * piece_rows, rows); ++row) {
        const float* values = in + row * channels;
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) total[c] += static_cast<double>(values[c]);
      }
    }
  });
  for (std::int64_t p = 1; p < pieces; ++p) {
    for (std::int64_t c = 0; c < channels; ++c) sums[c] += sums[p * channels + c];
  }
  for (std::int64_t c = 0; c < channels; ++c) out.data()[c] = static_cast<float>(sums[c]);
  return out;
}

Tensor sum_per_map(const Tensor& x) {
  require(x.rank() == 4, "sum_per_map: expected [N, C, H, W], got {}", x.shape().to_string());
  const std::int64_t channels = x.dim(1), pixels = x.dim(2) * x.dim(3);
  Tensor out({x.dim(0), channels, 1, 1});
  const float* in = x.data();
  float* to = out.data();
  parallel_for(x.dim(0), kParallelGrain / std::max<std::int64_t>(channels * pixels, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 std::vector<double> sums(static_cast<std::size_t>(channels));
                 for (std::int64_t n = begin; n < end; ++n) {
                   std::ranges::fill(sums, 0.0);
                   const float* image = in + n * pixels * channels;
                   for (std::int64_t i = 0; i < pixels; ++i)
                     for (std::int64_t c = 0; c < channels; ++c)
                       sums[static_cast<std::size_t>(c)] +=
                           static_cast<double>(image[i * channels + c]);
                   for (std::int64_t c = 0; c < channels; ++c)
                     to[n * channels + c] = static_cast<float>(sums[static_cast<std::size_t>(c)]);
                 }
               });
  return out;
}

Tensor sum_per_slice(const Tensor& x) {
  require(x.rank() >= 1, "sum_per_slice: expected [O, ...], got {}", x.shape().to_string());
  Tensor out(Shape{x.dim(0)});
  const std::int64_t size = x.numel() / std::max<std::int64_t>(x.dim(0), 1);
  const float* in = x.data();
  float* sums = out.data();
  parallel_for(x.dim(0), kParallelGrain / std::max<std::int64_t>(size, 1) + 1,
               [=](std::int64_t first, std::int64_t last) {
                 for (std::int64_t o = first; o < last; ++o) {
                   double sum = 0.0;
                   for (std::int64_t i = o * size; i < (o + 1) * size; ++i)
                     sum += static_cast<double>(in[i]);
                   sums[o] = static_cast<float>(sum);
                 }
               });
  return out;
}

Tensor argmax(const Tensor& x) {
  require(x.rank() == 2 && x.dim(1) > 0, "argmax: expected [N, C] with C >= 1, got {}",
          x.shape().to_string());
  const std::int64_t classes = x.dim(1);
  Tensor out({x.dim(0)}, DType::s32);
  for (std::int64_t n = 0; n < x.dim(0); ++n) {
    const float* row = x.data() + n * classes;
    float largest = -std::numeric_limits<float>::infinity();
    std::int64_t best = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      if (!(row[c] > largest)) continue;
      largest = row[c];
      best = c;
    }
    out.data<std::int32_t>()[n] = static_cast<std::int32_t>(best);
  }
  return out;
}

bool all_finite(const Tensor& x) {
  const float* in = x.data();
  const auto piece = [in](std::int64_t begin, std::int64_t end) {
    constexpr std::uint32_t kExponent = 0x7f800000;  // all ones only in infinities and NaN
    std::uint32_t found = 0;
#pragma omp simd reduction(| : found)
    for (std::int64_t i = begin; i < end; ++i) {
      found |= (std::bit_cast<std::uint32_t>(in[i]) & kExponent) == kExponent ? 1u : 0u;
    }
    return found;
  };
  return reduce(x.numel(), 0u, piece, [](std::uint32_t a, std::uint32_t b) { return a | b; }) == 0;
}

std::string first_non_finite(std::span<const float> values, std::span<const std::int64_t> sizes) {
  const auto found =
      std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return "";
  std::vector<std::int64_t> position(sizes.size());
  std::int64_t index = found - values.begin();
  for (std::size_t axis = sizes.size(); axis-- > 0; index /= sizes[axis])
    position[axis] = index % sizes[axis];
  return fmt::format("{} at [{}]", *found, fmt::join(position, ", "));
}

std::string first_non_finite(const Tensor& tensor) {
  if (tensor.dtype() != DType::f32 || all_finite(tensor)) return "";
  return first_non_finite(tensor.to_row_major(), tensor.shape().sizes());
}

}  // namespace quench
