#pragma once

namespace quench::quant {

/// What least squares needs of values x and their codes q: ||x - gamma q||^2 is smallest at
/// gamma = <x, q> / <q, q>, and is <x, x> - explained() there.
struct Projection {
  double xq = 0.0;  ///< <x, q>
  double qq = 0.0;  ///< <q, q>

  bool empty() const { return qq == 0.0; }  ///< all codes are 0
  double gamma() const { return xq / qq; }
  double explained() const { return xq * gamma(); }
};

}  // namespace quench::quant
