#pragma once

#include <span>
#include <vector>

#include "autograd/variable.h"
#include "quant/quantizer.h"

namespace quench::quant {

// The arithmetic of FAT, without the quantizers that own its trained values (fat.h).

/// The limits of a trained factor, both ends included: beyond them it is clamped and has no
/// gradient.
struct FatLimits {
  double min = 0.5;
  double max = 1.0;

  double clip(double value) const;  ///< NaN to max
  /// The gradient factor of clip(): 1 inside, 0 outside.
  double gate(double value) const { return value >= min && value <= max ? 1.0 : 0.0; }
};

/// A calibrated range [T_l, T_r], adjusted by the factors of the asymmetric mode:
///
///   T_l_adj = T_l + clip(alpha_T) R,  R_adj = clip(alpha_R) R,  R = T_r - T_l
///   scale = (R_adj + 1e-7) / (2^b - 1),  first_code = round(T_l_adj / scale)
///
/// with codes first_code to first_code + 2^b - 1, where code 0 is real 0.
struct FatRange {
  double low = 0.0;    ///< T_l_adj
  double width = 0.0;  ///< R_adj
  float scale = 1.0f;
  float first_code = 0.0f;
  double dlow_dt = 0.0, dlow_dr = 0.0;  ///< derivatives by alpha_T and alpha_R
  double dwidth_dr = 0.0;
};

/// The limits of the factors. The paper uses [-0.2, 0.4] and [0.5, 1.0]; the authors' code uses
/// 1.3.
struct FatRangeLimits {
  FatLimits alpha_t{-0.2, 0.4};
  FatLimits alpha_r{0.5, 1.0};
  /// Whether the range must contain 0, so that padding stays exact and the zero point is a code:
  /// T_l_adj in [-R_adj, 0], and only alpha_R for a range that starts at 0. The paper and its code
  /// do not require this.
  bool keep_zero = true;
};

FatRange fat_range(ValueRange calibrated, float alpha_t, float alpha_r,
                   const FatRangeLimits& limits, int bits);

/// y = scale clip(round(x / scale), first_code, first_code + 2^b - 1), per tensor or slice along
/// axis 0, recorded on the tape as a function of x, alpha_T and alpha_R (Goncharenko et al. 2018,
/// section "Quantization with non-symmetric thresholds"):
///
///   inside   dy = dx - (x - y) dR_adj / (R_adj + 1e-7)
///   outside  dy = dT_l_adj - (T_l_adj - y) dR_adj / (R_adj + 1e-7)
///
/// where inside refers to the rounded code.
Variable fat_quantize(const Variable& x, const Variable& alpha_t, const Variable& alpha_r,
                      std::span<const FatRange> ranges, int bits, const Quantizer* on = nullptr);

/// W clip(m), element-wise. m has a gradient only within `limits`; W has the usual gradient.
/// @throws std::invalid_argument  if the shapes differ
Variable fat_scale_weight(const Variable& weight, const Variable& m, FatLimits limits);

}  // namespace quench::quant
