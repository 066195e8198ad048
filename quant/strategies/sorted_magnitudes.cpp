#include "quant/strategies/sorted_magnitudes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "quant/code.h"

namespace quench::quant {
namespace {

// The bits of floats that are not negative order as the floats do, so that three passes by 11 bits
// each sort them: several times as fast as comparing.
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
  std::size_t before = 0;  // where the code below begins: no later than this one
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

}  // namespace quench::quant
