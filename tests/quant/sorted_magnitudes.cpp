#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"
#include "quant/strategies/ppq.h"

namespace quench::quant {
namespace {

TEST_CASE("sorted magnitudes: the sums of a naive loop, in any order of scales") {
  Tensor x = random_tensor({1000}, 1);
  x.data()[0] = x.data()[1] = 0.0f;
  x.data()[2] = -x.data()[3];
  for (const int qmax : {1, 7, 127}) {
    CAPTURE(qmax);
    SortedMagnitudes sorted(x.span(), qmax);
    for (const float scale : {0.01f, 0.02f, 0.0199f, 5.0f, 100.0f, 0.5f, 1e-3f}) {
      CAPTURE(scale);
      double xq = 0.0, qq = 0.0;
      for (const float value : x.span()) {
        const auto q =
            static_cast<double>(std::fmin(std::fmax(std::nearbyint(value / scale), -qmax), qmax));
        xq += double{value} * q;
        qq += q * q;
      }
      const Projection sum = sorted.project(scale);
      CHECK(sum.xq == doctest::Approx(xq).epsilon(1e-12));
      CHECK(sum.qq == qq);
    }
  }
}

TEST_CASE("sorted magnitudes: ties go to even, as in every code") {
  SortedMagnitudes sorted(std::vector{-0.5f, 1.5f, -2.5f, 3.0f}, 7);  // codes 0, 2, -2, 3
  const Projection sum = sorted.project(1.0f);
  CHECK(sum.xq == 1.5 * 2 + 2.5 * 2 + 9.0);
  CHECK(sum.qq == 4.0 + 4.0 + 9.0);
  CHECK(sum.gamma() == 1.0);
  CHECK(sum.explained() == 17.0);
}

}  // namespace
}  // namespace quench::quant
