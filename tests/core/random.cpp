#include "core/random.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "core/parallel.h"

namespace quench {

using Words = std::array<std::uint32_t, 4>;

TEST_CASE("philox4x32: the known answers of Random123 (kat_vectors, philox4x32 10)") {
  constexpr std::uint32_t kOnes = 0xffffffff;
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: the position is the whole state") {
  Random a(7, "init");
  for (int i = 0; i < 5; ++i) a.bits();
  Random b(7, "init");
  b.seek(a.position());
  for (int i = 0; i < 9; ++i) CHECK(a.bits() == b.bits());
  CHECK(Random(7, "init").block(2)[1] == [] {
    Random c(7, "init");
    c.seek(9);
    return c.bits();
  }());
}

TEST_CASE("random: seeds, stream names and forks give unrelated streams") {
  const std::vector<Random> streams{Random(1, "init"),
                                    Random(2, "init"),
                                    Random(1, "dropout"),
                                    Random(1, ""),
                                    Random(1, "init").fork(0),
                                    Random(1, "init").fork(1),
                                    Random(1, "init").fork(0).fork(1)};
  constexpr int kCount = 4096;
  std::vector<std::vector<double>> values;
  for (Random stream : streams) {
    auto& column = values.emplace_back();
    for (int i = 0; i < kCount; ++i) {
      column.push_back(static_cast<double>(stream.uniform()) - 0.5);
    }
  }
  for (std::size_t a = 0; a < values.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      double dot = 0.0;
      for (std::size_t i = 0; i < kCount; ++i) dot += values[a][i] * values[b][i];
      // The correlation of independent uniforms has standard deviation 1 / sqrt(n); allows 5 of them.
      CHECK(std::abs(dot * 12.0 / kCount) < 5.0 / std::sqrt(kCount));
    }
  }
}

TEST_CASE("random: a fork does not depend on its parent's position") {
  Random parent(3, "epochs");
  Random before = parent.fork(4);
  parent.bits();
  Random after = parent.fork(4);
  CHECK(after.position() == 0);
  CHECK(before.bits() == after.bits());
}

TEST_CASE("random: uniform values lie in [0, 1) with the moments of the distribution") {
  Random random(11, "uniform");
  constexpr int kCount = 100000;
  double sum = 0.0, squares = 0.0;
  bool inside = true;
  for (int i = 0; i < kCount; ++i) {
    const double u = static_cast<double>(random.uniform());
    inside = inside && u >= 0.0 && u < 1.0;
    sum += u;
    squares += u * u;
  }
  CHECK(inside);
  CHECK(sum / kCount == doctest::Approx(0.5).epsilon(0.01));
  CHECK(squares / kCount == doctest::Approx(1.0 / 3.0).epsilon(0.01));
}

TEST_CASE("random: normal values have the first four moments 0, 1, 0, 3") {
  Random random(12, "normal");
  constexpr int kCount = 200000;
  std::array<double, 4> moments{};
  for (int i = 0; i < kCount; ++i) {
    const double x = static_cast<double>(random.normal());
    double power = 1.0;
    for (double& moment : moments) moment += (power *= x) / kCount;
  }
  // Five standard deviations of each estimate: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
  CHECK(std::abs(moments[0]) < 0.0112);
  CHECK(std::abs(moments[1] - 1.0) < 0.0159);
  CHECK(std::abs(moments[2]) < 0.0434);
  CHECK(std::abs(moments[3] - 3.0) < 0.11);
  CHECK(random.position() == 2 * kCount);
}

TEST_CASE("random: below() reaches every value equally often") {
  for (const std::uint32_t bound : {1u, 3u, 10u}) {
    CAPTURE(bound);
    Random random(13, "below");
    std::vector<int> counts(bound);
    constexpr int kPerValue = 10000;
    for (std::uint32_t i = 0; i < bound * kPerValue; ++i) ++counts[random.below(bound)];
    double chi_squared = 0.0;
    for (const int count : counts) {
      chi_squared += std::pow(count - kPerValue, 2.0) / kPerValue;
    }
    CHECK(chi_squared < 27.9);  // 0.1 % quantile for nine degrees of freedom
  }
}

TEST_CASE("random: below() is not biased where 2^32 is far from a multiple of the bound") {
  // 3 * 2^30: without rejection the values divisible by 3 would be twice as likely as the others.
  constexpr std::uint32_t kBound = 3u << 30;
  Random random(14, "below");
  int divisible = 0;
  constexpr int kCount = 30000;
  for (int i = 0; i < kCount; ++i) divisible += random.below(kBound) % 3 == 0 ? 1 : 0;
  CHECK(std::abs(divisible - kCount / 3) < 410);  // 5 standard deviations
  CHECK_THROWS_AS(random.below(0), std::invalid_argument);
}

TEST_CASE("random: fill_uniform gives the values of single draws on any number of threads") {
  const int before = num_threads();
  for (const std::uint64_t start : {0u, 1u, 6u}) {
    for (const int threads : {1, 2, 5}) {
      CAPTURE(start);
      CAPTURE(threads);
      set_num_threads(threads);
      Random bulk(15, "fill"), single(15, "fill");
      bulk.seek(start);
      single.seek(start);
      std::vector<float> values(50001);
      bulk.fill_uniform(values);
      bool equal = true;
      for (const float value : values) equal = equal && value == single.uniform();
      CHECK(equal);
      CHECK(bulk.position() == single.position());
    }
  }
  set_num_threads(before);
}

}  // namespace quench
