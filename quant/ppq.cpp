#include "quant/ppq.h"

#include <algorithm>
#include <array>

#include "core/communicator.h"
#include "core/error.h"
#include "core/parallel.h"
#include "quant/batch_statistics.h"
#include "quant/code.h"
#include "quant/extent.h"

namespace quench::quant {
namespace {

constexpr std::int64_t kPiece = 1 << 14;

struct Projection {
  double xq = 0.0;  ///< <x, q>
  double qq = 0.0;  ///< <q, q>
};

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

/// Algorithm 2 on finite values that reach up to `largest`.
PpqResult fit(std::span<const float> x, float largest, int bits, const PpqOptions& options) {
  PpqResult result;
  if (largest == 0.0f) {
    result.degenerate = true;
    return result;
  }
  const CodeRange range = code_range(bits, options.unsigned_codes);
  const double cold = double{largest} / double{range.high};
  double gamma = options.gamma > 0.0 ? options.gamma : cold;
  result.gamma_history.push_back(gamma);
  result.converged = false;
  bool fitted = false;  // whether gamma is a least-squares scale, or only a start
  for (int pass = 0; pass < options.max_updates; ++pass) {
    const Projection own = project(x, storable_scale(gamma), range);
    const Projection sum = options.part_of_batch ? over_ranks(own) : own;
    // All codes 0: the start was far too large, so this pass goes to starting again.
    const double next = sum.qq > 0.0 ? sum.xq / sum.qq : cold;
    // The sums have a fixed order, so gamma repeats exactly where the codes do.
    if (fitted && next == gamma) {
      result.converged = true;
      break;
    }
    fitted = sum.qq > 0.0;
    result.code_gamma = fitted ? gamma : next;
    gamma = next;
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
  require(options.max_updates >= 1, "{}: expected max_updates >= 1, got {}", who,
          options.max_updates);
  require(!x.empty(), "{}: expected at least one element, got none", who);
  const Extent reach = options.part_of_batch ? batch_extent(x) : extent(x);
  require(reach.finite, "{}: expected finite values, got NaN or infinity", who);
  return fit(x, options.unsigned_codes ? reach.max : reach.max_abs, bits, options);
}

std::vector<float> ppq_scales(const Tensor& x, int bits, bool per_channel, int max_updates,
                              std::string_view who) {
  check_bits(bits, false, who);
  const std::vector<Extent> reach = finite_extents(x, per_channel, who);
  const PpqOptions options{.max_updates = max_updates};
  std::vector<float> scales(reach.size());
  const auto fit_slice = [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
    const std::span<const float> slice(x.data() + begin, static_cast<std::size_t>(end - begin));
    scales[channel] = storable_scale(fit(slice, reach[channel].max_abs, bits, options).gamma);
  };
  // One slice is summed by all threads, many are shared out among them.
  if (scales.size() == 1) {
    fit_slice(0, 0, x.numel());
  } else {
    for_each_channel(x, scales.size(), fit_slice);
  }
  return scales;
}

}  // namespace quench::quant
