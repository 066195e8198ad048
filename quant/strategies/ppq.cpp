#include "quant/strategies/ppq.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/communicator.h"
#include "core/parallel.h"
#include "quant/code.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {
namespace {

// The bits of non-negative floats order like the floats, so a radix sort with three passes of 11
// bits works; it is several times faster than a comparison sort.
constexpr int kDigitBits = 11;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;

void sort_by_digit(const std::vector<float>& from, int shift, std::vector<float>& to) {
  const auto digit = [shift](float value) {
    return (std::bit_cast<std::uint32_t>(value) >> shift) & (kDigits - 1);
  };
  std::array<std::size_t, kDigits + 1> begins{};
  for (const float value : from) ++begins[digit(value) + 1];
  for (std::size_t i = 0; i < kDigits; ++i) begins[i + 1] += begins[i];
  for (const float value : from) to[begins[digit(value)]++] = value;
}

std::vector<float> sorted_magnitudes(std::span<const float> x) {
  std::vector<float> values(x.size()), other(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) values[i] = std::abs(x[i]);
  for (int shift = 0; shift < 32; shift += kDigitBits) {
    sort_by_digit(values, shift, other);
    values.swap(other);
  }
  return values;
}

}  // namespace

SortedMagnitudes::SortedMagnitudes(std::span<const float> x, int qmax)
    : values_(sorted_magnitudes(x)),
      tails_(values_.size() + 1, 0.0),
      begins_(static_cast<std::size_t>(qmax), 0) {
  for (std::size_t i = values_.size(); i > 0; --i)
    tails_[i - 1] = tails_[i] + double{values_[i - 1]};
}

Projection SortedMagnitudes::project(float scale) {
  // With [q >= k] as 0 or 1: q = sum over k of [q >= k], and q^2 = sum over k of (2 k - 1) [q >= k].
  const CodeRange range{0.0f, static_cast<float>(begins_.size())};
  const auto code = [&](std::size_t i) { return integer_code(values_[i], scale, range); };
  Projection sum;
  std::size_t before = 0;  // where the next lower code begins: no later than this one
  for (std::size_t k = 0; k < begins_.size(); ++k) {
    const auto least = static_cast<float>(k + 1);
    std::size_t at = std::max(begins_[k], before);
    while (at < values_.size() && code(at) < least) ++at;
    while (at > before && code(at - 1) >= least) --at;
    begins_[k] = before = at;
    sum.xq += tails_[at];
    sum.qq += (2.0 * double{least} - 1.0) * static_cast<double>(values_.size() - at);
  }
  return sum;
}

namespace {

constexpr std::int64_t kPpqPiece = 1 << 14;

/// Sums in lanes of double, so that the loop vectorizes and its order is fixed.
Projection project_piece(const float* x, std::int64_t count, float gamma, CodeRange range) {
  constexpr std::int64_t kLanes = 16;
  std::array<double, kLanes> xq{};
  std::array<double, kLanes> qq{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float q = integer_code(x[i + lane], gamma, range);
      xq[lane] += double{x[i + lane]} * double{q};
      qq[lane] += double{q} * double{q};
    }
  }
  Projection sum;
  for (; i < count; ++i) {
    const double q = integer_code(x[i], gamma, range);
    sum.xq += double{x[i]} * q;
    sum.qq += q * q;
  }
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    sum.xq += xq[lane];
    sum.qq += qq[lane];
  }
  return sum;
}

Projection over_ranks(const Projection& own) {
  std::array sums{own.xq, own.qq};
  communicator().sum(sums);
  return {sums[0], sums[1]};
}

/// Adds fixed pieces in order, so the result is deterministic and independent of the number of
/// threads.
Projection project(std::span<const float> x, float gamma, CodeRange range) {
  const auto count = static_cast<std::int64_t>(x.size());
  const std::int64_t pieces = (count + kPpqPiece - 1) / kPpqPiece;
  if (pieces == 1) return project_piece(x.data(), count, gamma, range);
  std::vector<Projection> parts(static_cast<std::size_t>(pieces));
  parallel_for(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t piece = first; piece < last; ++piece) {
      const std::int64_t at = piece * kPpqPiece;
      parts[static_cast<std::size_t>(piece)] =
          project_piece(x.data() + at, std::min(kPpqPiece, count - at), gamma, range);
    }
  });
  Projection sum;
  for (const Projection& part : parts) {
    sum.xq += part.xq;
    sum.qq += part.qq;
  }
  return sum;
}

CodeRange code_range(int bits, bool unsigned_codes) {
  if (unsigned_codes) return {0.0f, static_cast<float>((1 << bits) - 1)};
  const auto qmax = static_cast<float>((1 << (bits - 1)) - 1);
  return {-qmax, qmax};
}

/// Algorithm 2, starting from `cold`, the scale at which no value is clipped, or from a given
/// scale. project(scale) gives the Projection of x onto its codes.
template <typename Project>
PpqResult fit(double cold, const PpqOptions& options, Project project) {
  PpqResult result;
  if (cold == 0.0) {
    result.degenerate = true;
    return result;
  }
  double gamma = options.gamma > 0.0 ? options.gamma : cold;
  double explained = 0.0;  // part of <x, x>, by the codes that gave gamma; 0 at the start
  result.converged = false;
  while (options.max_updates == 0 || result.updates < options.max_updates) {
    const Projection next = project(storable_scale(gamma));
    // Repeated codes give the same sums in the same order, so they explain exactly as much. Values
    // below half of the smallest float32 scale have code 0 from any start.
    const bool stuck = next.empty() && gamma == cold;
    if (stuck || (explained > 0.0 && !(next.explained() > explained))) {
      result.converged = true;
      break;
    }
    // All codes are 0: the start was far too large, so this pass restarts from `cold`.
    result.code_gamma = next.empty() ? cold : gamma;
    explained = next.empty() ? 0.0 : next.explained();
    gamma = next.empty() ? cold : next.gamma();
    ++result.updates;
  }
  result.gamma = gamma;
  return result;
}

void check_bits(int bits, bool unsigned_codes, std::string_view who) {
  const int least = unsigned_codes ? 1 : 2;
  require(bits >= least && bits <= 8, "{}: expected bits in {}..8, got {}", who, least, bits);
}

}  // namespace

PpqResult ppq(std::span<const float> x, int bits, const PpqOptions& options, std::string_view who) {
  check_bits(bits, options.unsigned_codes, who);
  require(options.max_updates >= 0, "{}: expected max_updates >= 0, got {}", who,
          options.max_updates);
  require(!x.empty(), "{}: expected at least one element, got none", who);
  const Extent reach = options.part_of_batch ? batch_extent(x) : extent(x);
  require(reach.finite, "{}: expected finite values, got NaN or infinity", who);
  const CodeRange range = code_range(bits, options.unsigned_codes);
  const float largest = options.unsigned_codes ? reach.max : reach.max_abs;
  return fit(double{largest} / double{range.high}, options, [&](float scale) {
    const Projection own = project(x, scale, range);
    return options.part_of_batch ? over_ranks(own) : own;
  });
}

PpqScales ppq_scales(const Tensor& x, int bits, bool per_channel, int max_updates,
                     std::string_view who) {
  check_bits(bits, false, who);
  const std::vector<Extent> reach = finite_extents(x, per_channel, who);
  const float qmax = code_range(bits, false).high;
  PpqScales scales{std::vector<float>(reach.size()), std::vector<float>(reach.size())};
  const std::int64_t slice = x.numel() / static_cast<std::int64_t>(reach.size());
  parallel_for(static_cast<std::int64_t>(reach.size()), 1,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t channel = first; channel < last; ++channel) {
                   const auto c = static_cast<std::size_t>(channel);
                   const std::span<const float> values(x.data() + channel * slice,
                                                       static_cast<std::size_t>(slice));
                   SortedMagnitudes sorted(values, static_cast<int>(qmax));
                   const PpqResult fitted =
                       fit(double{reach[c].max_abs} / double{qmax}, {.max_updates = max_updates},
                           [&](float scale) { return sorted.project(scale); });
                   scales.gamma[c] = storable_scale(fitted.gamma);
                   scales.code_gamma[c] = storable_scale(fitted.code_gamma);
                 }
               });
  return scales;
}

}  // namespace quench::quant
