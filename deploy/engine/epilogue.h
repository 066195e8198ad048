#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "deploy/engine/encoder.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// Converts the sums of a convolution to the codes or float32 values of one of its outputs. It
/// vectorizes deploy/network/arithmetic.h with the same bits.
///
/// For codes -1 and +1, one threshold per channel maps sums to codes (Hubara et al. 2016; Umuroglu
/// et al. 2017, arXiv:1612.07119, section 4.2.2). Bisection on the same arithmetic, which is
/// monotone in the sum, finds it exactly.
class Epilogue {
 public:
  /// For float32 inputs, such as residual sums and averages; supports only run_reals().
  /// @param reach  bound on the magnitude of the inputs
  Epilogue(const Output& output, const Value& value, double reach);
  /// @param scale       [O], > 0; converts sums to real values
  /// @param bias        [O], or empty
  /// @param largest     [O], bounds on the magnitude of the sums
  /// @param addend      bound on the magnitude of run()'s addends
  Epilogue(const Output& output, const Value& value, std::vector<float> scale,
           std::vector<float> bias, const std::vector<std::int64_t>& largest, float addend);

  /// @param sums    [pixels][O]
  /// @param addend  [pixels][O], added after the scale; may be null
  /// @param out     the first of these pixels in the output's value
  void run(const std::int32_t* sums, const float* addend, std::int64_t pixels,
           std::byte* out) const;
  /// @param values  [pixels][O]
  void run_reals(const float* values, std::int64_t pixels, std::byte* out) const;

  /// Bytes of one pixel of the value.
  std::size_t pixel_bytes() const;
  ValueId value() const { return output_.value; }

 private:
  struct Threshold {
    std::vector<std::int32_t> flip;   ///< 0, or -1 if larger sums have the smaller code
    std::vector<std::int32_t> least;  ///< the least sum, or complement, with code +1
  };

  Threshold find_thresholds(const std::vector<std::int64_t>& largest) const;
  void threshold(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const;
  void fused(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const;
  void write(const float* values, std::int64_t count, std::byte* out) const;

  Output output_;
  Value value_;
  std::int64_t channels_;
  std::optional<Encoder> encoder_;
  std::vector<float> scale_, bias_;
  Threshold threshold_;
};

/// The address of an output pixel.
inline std::byte* pixel_of(const PreparedOperation::Memory& memory, const Epilogue& epilogue,
                           std::int64_t pixel) {
  return memory.values[epilogue.value()] + static_cast<std::size_t>(pixel) * epilogue.pixel_bytes();
}

/// Float32 values per strip; a strip stays in the L1 cache.
inline constexpr std::int64_t kStripReals = 4096;

/// The largest magnitude on this grid.
double largest_real(const quant::QuantGrid& grid);

/// Writes all outputs of an operation that sums no products.
class PlainOutputs {
 public:
  /// @param reach  bound on the magnitude of the inputs
  PlainOutputs(const IntegerNetwork& network, const Operation& operation, double reach);

  /// @param values  [pixels][channels], starting at pixel `first`
  void write(const PreparedOperation::Memory& memory, const float* values, std::int64_t first,
             std::int64_t pixels) const;

 private:
  std::vector<Epilogue> epilogues_;
};

}  // namespace quench::deploy
