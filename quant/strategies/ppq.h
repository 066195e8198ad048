#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace quench::quant {

/// The sums for a least-squares fit of values x to codes q: ||x - gamma q||^2 has its minimum at
/// gamma = <x, q> / <q, q>, where it equals <x, x> - explained().
struct Projection {
  double xq = 0.0;  ///< <x, q>
  double qq = 0.0;  ///< <q, q>

  bool empty() const { return qq == 0.0; }  ///< all codes are 0
  double gamma() const { return xq / qq; }
  double explained() const { return xq * gamma(); }
};

/// |x| in ascending order, for repeated projections of the same values with different scales.
///
/// The codes of a symmetric grid rise with |x|, so the values with code k or more start at some
/// position. Each projection moves these positions from the previous ones, past the values whose
/// code changed; only the first one passes over all values.
class SortedMagnitudes {
 public:
  /// @param x     finite
  /// @param qmax  the largest code of the grid [-qmax, qmax]
  SortedMagnitudes(std::span<const float> x, int qmax);

  /// <x, q> and <q, q> of q = clip(round(x / scale), -qmax, qmax).
  Projection project(float scale);

 private:
  std::vector<float> values_;
  std::vector<double> tails_;        ///< tails_[i]: the sum of values_[i] and all after it
  std::vector<std::size_t> begins_;  ///< begins_[k - 1]: the first value of code k or more
};

/// Progressive projection quantization (Liu & Mattina 2019, algorithm 2, after Leng et al. 2017):
/// alternating minimisation of ||x - gamma * q||^2.
///
///   gamma = max|x| / qmax
///   repeat  q = clip(round(x / gamma), qmin, qmax);  gamma = <x,q> / <q,q>
///
/// until q repeats. The q of the last gamma is the one from which gamma was computed. No half step
/// can increase the error, and the loop stops at the first update that does not decrease it: x has
/// finitely many codes q, so it ends, in a local minimum. Trained convolutions with 10^4 to 10^5
/// weights take 30 to 100 updates at 4 bits and up to 1500 at 8 bits; after 3 updates the error is
/// up to three times as large.
struct PpqOptions {
  int max_updates = 0;  ///< stops after this many, even if the error still falls; 0: no limit
  /// Codes 0 .. 2^bits-1 instead of signed narrow (not in the paper).
  bool unsigned_codes = false;
  double gamma = 0.0;  ///< warm start, if > 0
  /// Whether x is this rank's part of a batch, which is then fitted as a whole
  /// (quant/statistics/batch_statistics.h).
  bool part_of_batch = false;
};

struct PpqResult {
  double gamma = 1.0;       ///< the scale; 1 if all of x is 0
  double code_gamma = 1.0;  ///< q = clip(round(x / code_gamma)) gave `gamma`
  int updates = 0;
  bool converged = true;    ///< whether no further update lowers the error
  bool degenerate = false;  ///< whether all of x is 0, so there is nothing to fit
};

/// @param bits  2 to 8, or from 1 with unsigned codes
/// @throws std::invalid_argument  if x is empty or contains NaN or infinity; the message starts
///                                with `who`
PpqResult ppq(std::span<const float> x, int bits, const PpqOptions& options = {},
              std::string_view who = "ppq");

/// The scales of a tensor's projection in float32, from a cold start, per tensor or per slice along
/// axis 0: gamma * clip(round(x / code_gamma)). The two differ only if max_updates ended the loop.
struct PpqScales {
  std::vector<float> gamma;
  std::vector<float> code_gamma;
};

/// @param max_updates  as in PpqOptions
/// @throws as ppq()
PpqScales ppq_scales(const Tensor& x, int bits, bool per_channel, int max_updates,
                     std::string_view who);

}  // namespace quench::quant
