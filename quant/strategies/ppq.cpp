#include "quant/strategies/ppq.h"

#include <algorithm>
#include <array>

#include "core/communicator.h"
#include "core/parallel.h"
#include "quant/code.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/projection.h"
#include "quant/strategies/sorted_magnitudes.h"
#include "support/error.h"

namespace quench::quant {
namespace {

constexpr std::int64_t kPiece = 1 << 14;

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

/// Adds up fixed pieces in order: neither chance nor the number of threads reaches the result.
Projection project(std::span<const float> x, float gamma, CodeRange range) {
  const auto count = static_cast<std::int64_t>(x.size());
  const std::int64_t pieces = (count + kPiece - 1) / kPiece;
  if (pieces == 1) return project_piece(x.data(), count, gamma, range);
  std::vector<Projection> parts(static_cast<std::size_t>(pieces));
  parallel_for(pieces, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t piece = first; piece < last; ++piece) {
      const std::int64_t at = piece * kPiece;
      parts[static_cast<std::size_t>(piece)] =
          project_piece(x.data() + at, std::min(kPiece, count - at), gamma, range);
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

/// Algorithm 2 from `cold`, the scale at which no value is clipped, or from a given one.
/// project(scale) gives the Projection of x onto its codes.
template <typename Project>
PpqResult fit(double cold, const PpqOptions& options, Project project) {
  PpqResult result;
  if (cold == 0.0) {
    result.degenerate = true;
    return result;
  }
  double gamma = options.gamma > 0.0 ? options.gamma : cold;
  double explained = 0.0;  // of <x, x>, by the codes that gave gamma; 0 while it is only a start
  result.gamma_history.push_back(gamma);
  result.converged = false;
  while (options.max_updates == 0 || result.updates < options.max_updates) {
    const Projection next = project(storable_scale(gamma));
    // Codes that repeat have the same sums in the same order, so they explain exactly as much.
    // Values below half of the smallest scale that float32 holds have the code 0 from any start.
    const bool stuck = next.empty() && gamma == cold;
    if (stuck || (explained > 0.0 && !(next.explained() > explained))) {
      result.converged = true;
      break;
    }
    // All codes 0: the start was far too large, so this pass goes to starting again.
    result.code_gamma = next.empty() ? cold : gamma;
    explained = next.empty() ? 0.0 : next.explained();
    gamma = next.empty() ? cold : next.gamma();
    result.gamma_history.push_back(gamma);
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
