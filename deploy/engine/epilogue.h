#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "deploy/engine/encoder.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// From the sums of a convolution to the codes (or reals) of one of its outputs, row by row: the
/// arithmetic of deploy/network/arithmetic.h in vectors, with the same bits.
///
/// Where the codes are -1 and +1 the way from sum to code is a threshold per channel (methods:
/// Hubara et al. 2016; Umuroglu et al. 2017, arXiv:1612.07119, section 4.2.2). It is found by
/// bisection on that very arithmetic, which is monotone in the sum, and so is exact.
class Epilogue {
 public:
  /// For reals as they come, as of residual sums and averages: run_reals() alone.
  /// @param reach  no real is larger in magnitude
  Epilogue(const Output& output, const Value& value, double reach);
  /// @param scale       [O], > 0; what takes sums to reals
  /// @param bias        [O], or empty
  /// @param largest     [O], the sums are at most so large
  /// @param addend      the largest real that is added to them
  Epilogue(const Output& output, const Value& value, std::vector<float> scale,
           std::vector<float> bias, const std::vector<std::int64_t>& largest, float addend);

  /// @param sums    [pixels][O]
  /// @param addend  [pixels][O] reals that are added after the scale; null for none
  /// @param out     of this output's value: where its first pixel of these lies
  void run(const std::int32_t* sums, const float* addend, std::int64_t pixels,
           std::byte* out) const;
  /// @param reals  [pixels][O]
  void run_reals(const float* reals, std::int64_t pixels, std::byte* out) const;

  /// Bytes of one pixel of the value.
  std::size_t pixel_bytes() const;
  ValueId value() const { return output_.value; }

 private:
  struct Threshold {
    std::vector<std::int32_t> flip;   ///< 0, or -1 where a larger sum has the smaller code
    std::vector<std::int32_t> least;  ///< code 1 from here on, of the sum or its complement
  };

  Threshold find_thresholds(const std::vector<std::int64_t>& largest) const;
  void threshold(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const;
  void fused(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const;
  void write(const float* reals, std::int64_t count, std::byte* out) const;

  Output output_;
  Value value_;
  std::int64_t channels_;
  std::optional<Encoder> encoder_;
  std::vector<float> scale_, bias_;
  Threshold threshold_;
};

/// Where a pixel of an output lies.
inline std::byte* pixel_of(const PreparedOperation::Memory& memory, const Epilogue& epilogue,
                           std::int64_t pixel) {
  return memory.values[epilogue.value()] + static_cast<std::size_t>(pixel) * epilogue.pixel_bytes();
}

/// The float32 values of one strip: few enough to stay in the first-level cache.
inline constexpr std::int64_t kStripReals = 4096;

/// The largest magnitude that these codes stand for.
double largest_real(const quant::QuantGrid& grid);

/// From the reals of an operation that sums no products to all of its outputs.
class PlainOutputs {
 public:
  /// @param reach  no real is larger in magnitude
  PlainOutputs(const IntegerNetwork& network, const Operation& operation, double reach);

  /// @param reals  [pixels][channels], of the pixels from `first` on
  void write(const PreparedOperation::Memory& memory, const float* reals, std::int64_t first,
             std::int64_t pixels) const;

 private:
  std::vector<Epilogue> epilogues_;
};

}  // namespace quench::deploy
