#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace quench::quant {

/// Progressive projection quantization (Liu & Mattina 2019, algorithm 2, after Leng et al. 2017):
/// alternating minimisation of ||x - gamma * q||^2.
///
///   gamma = max|x| / qmax
///   repeat  q = clip(round(x / gamma), qmin, qmax);  gamma = <x,q> / <q,q>
///
/// until q repeats. No half step can raise the error; it ends in a local minimum.
struct PpqOptions {
  int max_updates = 3;  ///< passes at most; about three suffice
  /// Codes 0 .. 2^bits-1 rather than signed narrow (not in the paper).
  bool unsigned_codes = false;
  double gamma = 0.0;  ///< warm start, if > 0
  /// Whether x is this rank's part of a batch, which is fitted as a whole (quant/batch_statistics.h).
  bool part_of_batch = false;
};

struct PpqResult {
  double gamma = 1.0;       ///< the scale; 1 if all of x is 0
  double code_gamma = 1.0;  ///< the scale whose codes gave `gamma`; differs if not converged
  std::vector<double> gamma_history;  ///< the first scale and one after each update
  int updates = 0;
  bool converged = true;    ///< the codes repeated within max_updates passes
  bool degenerate = false;  ///< nothing to fit: all of x is 0
};

/// @param bits  2 to 8, or from 1 with unsigned codes
/// @throws std::invalid_argument  if x is empty or holds NaN or infinity; the message starts with
///                                `who`
PpqResult ppq(std::span<const float> x, int bits, const PpqOptions& options = {},
              std::string_view who = "ppq");

/// gamma as float32, from a cold start: one for the tensor, or one per slice along axis 0.
/// @throws as ppq()
std::vector<float> ppq_scales(const Tensor& x, int bits, bool per_channel, int max_updates,
                              std::string_view who);

}  // namespace quench::quant
