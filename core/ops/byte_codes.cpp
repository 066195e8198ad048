#include "core/ops/byte_codes.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <utility>

#include "core/element_source.h"
#include "core/half.h"
#include "core/ops/bits.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

// A piece stays in cache between two loops: one that narrows its elements and reduces is not vectorized.
constexpr std::int64_t kPiece = 2048;

/// Writes to[i] = integers(from[i]) as Code; false if `exact` is for an element.
template <typename Code, typename Integer, typename Exact>
bool write_integers(const float* from, std::int64_t begin, std::int64_t end, Code* to,
                    Integer integer, Exact exact) {
  for (std::int64_t piece = begin; piece < end; piece += kPiece) {
    const std::int64_t stop = std::min(piece + kPiece, end);
    int all = 1;
#pragma omp simd reduction(& : all)
    for (std::int64_t i = piece; i < stop; ++i) all &= static_cast<int>(exact(from[i]));
    if (all == 0) return false;
#pragma omp simd
    for (std::int64_t i = piece; i < stop; ++i)
      to[i] = static_cast<Code>(static_cast<int>(integer(from[i])));
  }
  return true;
}

}  // namespace

bool write_bytes(const float* values, std::int64_t count, const ByteGrid& grid,
                 std::uint8_t* bytes) {
  const float scale = grid.scale, offset = grid.offset;
  // A product is close enough to the quotient to round to the same integer, which is then tested.
  const float steps = 1.0f / scale;
  const auto low = static_cast<float>(grid.low), high = static_cast<float>(grid.high);
  const auto code = [=](float value) { return std::nearbyint((value - offset) * steps); };
  return write_integers(
      values, 0, count, bytes, [=](float value) { return code(value) - low; },
      [=](float value) {
        const float q = code(value);
        return (scale * q + offset == value) & (q >= low) & (q <= high);
      });
}

std::optional<Tensor> to_bytes(const Tensor& x, const ByteGrid& grid) {
  require(grid.low <= 0 && grid.high >= 0 && grid.high - grid.low <= 255,
          "to_bytes: expected codes in [low, high] with low <= 0 <= high <= low + 255, got {} and "
          "{}",
          grid.low, grid.high);
  const ProfileScope profile("codes");
  Tensor out(x.shape(), DType::u8);
  const float* from = x.data();
  std::uint8_t* to = out.data<std::uint8_t>();
  std::atomic<bool> exact{true};
  parallel_for(x.numel(), kParallelGrain, [=, &exact](std::int64_t begin, std::int64_t end) {
    if (!write_bytes(from + begin, end - begin, grid, to + begin)) exact = false;
  });
  if (!exact) return std::nullopt;
  return out;
}

namespace {

class ValuesOfBytes final : public ElementSource {
 public:
  ValuesOfBytes(Tensor bytes, const ByteGrid& grid)
      : ElementSource("codes", ProfileScope::Pass::backward),
        bytes_(std::move(bytes)),
        grid_(grid) {}

  void read(std::int64_t begin, std::int64_t end, float* to) const override {
    const std::uint8_t* from = bytes_.data<std::uint8_t>() + begin;
    const float scale = grid_.scale, offset = grid_.offset;
    const int low = grid_.low;
#pragma omp simd
    for (std::int64_t i = 0; i < end - begin; ++i)
      to[i] = scale * static_cast<float>(from[i] + low) + offset;
  }

 private:
  Tensor bytes_;
  ByteGrid grid_;
};

}  // namespace

Tensor bytes_to_float32(const Tensor& bytes, const ByteGrid& grid) {
  return Tensor::deferred(bytes.shape(), std::make_unique<ValuesOfBytes>(bytes, grid));
}

Tensor bytes_to_bfloat16(const Tensor& bytes, const ByteGrid& grid) {
  const ProfileScope profile("codes", ProfileScope::Pass::backward);
  Tensor out(bytes.shape(), DType::bf16);
  const std::uint8_t* from = bytes.data<std::uint8_t>();
  BFloat16* to = out.data<BFloat16>();
  parallel_for(out.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
    const int low = grid.low;
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) to[i] = to_bfloat(static_cast<float>(from[i] + low));
  });
  return out;
}

Tensor pack_binary(const Tensor& bytes) {
  const ProfileScope profile("codes");
  Tensor bits({bytes_of_bits(bytes.numel())}, DType::u8);
  const std::uint8_t* from = bytes.data<std::uint8_t>();
  std::uint8_t* to = bits.data<std::uint8_t>();
  const std::int64_t count = bytes.numel();
  parallel_for(bits.numel(), kParallelGrain / 8, [=](std::int64_t first, std::int64_t last) {
    for (std::int64_t at = 8 * first; at < std::min(8 * last, count); at += kPiece) {
      const std::int64_t size = std::min(kPiece, std::min(8 * last, count) - at);
      std::uint8_t flags[kPiece];
      for (std::int64_t i = 0; i < size; ++i)
        flags[i] = static_cast<std::uint8_t>(from[at + i] >> 1U);
      pack_bits(flags, size, to + at / 8);
    }
  });
  return bits;
}

Tensor unpack_binary(const Tensor& bits, const Shape& shape) {
  const ProfileScope profile("codes", ProfileScope::Pass::backward);
  Tensor bytes(shape, DType::u8);
  const std::uint8_t* from = bits.data<std::uint8_t>();
  std::uint8_t* to = bytes.data<std::uint8_t>();
  const std::int64_t count = bytes.numel();
  parallel_for(bits.numel(), kParallelGrain / 8, [=](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = 8 * first, end = std::min(8 * last, count);
    if (begin >= end) return;
    unpack_bits(from + first, end - begin, to + begin);
    for (std::int64_t i = begin; i < end; ++i) to[i] = static_cast<std::uint8_t>(to[i] << 1U);
  });
  return bytes;
}

std::optional<std::vector<std::int16_t>> integer_weights(const Tensor& x,
                                                         std::span<const float> scale) {
  const auto slices = static_cast<std::int64_t>(scale.size());
  require(slices >= 1 && x.numel() % slices == 0,
          "integer_weights: expected one scale, or one for each slice of {}, got {}",
          x.shape().to_string(), scale.size());
  const ProfileScope profile("codes");
  constexpr float kLargest = 255.0f;
  std::vector<std::int16_t> out(static_cast<std::size_t>(x.numel()));
  const std::int64_t slice = x.numel() / slices;
  const float* from = x.data();
  std::int16_t* to = out.data();
  std::atomic<bool> exact{true};
  parallel_for(slices, kParallelGrain / std::max<std::int64_t>(slice, 1) + 1,
               [=, &exact](std::int64_t first, std::int64_t last) {
                 for (std::int64_t s = first; s < last; ++s) {
                   const float of_slice = scale[static_cast<std::size_t>(s)];
                   const float steps = 1.0f / of_slice;
                   const bool all = write_integers(
                       from, s * slice, (s + 1) * slice, to,
                       [=](float value) { return std::nearbyint(value * steps); },
                       [=](float value) {
                         const float q = std::nearbyint(value * steps);
                         return (of_slice * q == value) & (std::abs(q) <= kLargest);
                       });
                   if (!all) exact = false;
                 }
               });
  if (!exact) return std::nullopt;
  return out;
}

Tensor integers_to_bfloat16(std::span<const std::int16_t> integers, const Shape& shape) {
  Tensor out(shape, DType::bf16);
  require(std::ssize(integers) == out.numel(), "integers_to_bfloat16: expected {} integers, got {}",
          out.numel(), integers.size());
  BFloat16* to = out.data<BFloat16>();
  parallel_for(out.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
    const std::int16_t* from = integers.data();
#pragma omp simd
    for (std::int64_t i = begin; i < end; ++i) to[i] = to_bfloat(static_cast<float>(from[i]));
  });
  return out;
}

}  // namespace quench
