#include "kernels/packed_dense.h"

#include <doctest/doctest.h>

#include "tests/kernels/problem.h"

namespace quench::kernels {
namespace {

std::string_view chosen(int min_weight, int max_weight, std::uint8_t input_max, Isa isa) {
  const ConvProblem shape{
      .channels = 64, .height = 1, .width = 1, .out_channels = 16, .input_max = input_max};
  return make_conv_kernel(make_operands(shape, min_weight, max_weight, Fill::random, 0).problem,
                          isa)
      ->name();
}

}  // namespace

TEST_CASE("dense convolution, AVX2: the weights decide the kernel") {
  if (best_isa() < Isa::avx2) return;
  CHECK(chosen(-255, 255, 255, Isa::avx2) == "avx2 madd16");
  CHECK(chosen(-60, 60, 255, Isa::avx2) == "avx2 maddubs");
  CHECK(chosen(-8, 7, 255, Isa::avx2) == "avx2 maddubs narrow");
  CHECK(chosen(-127, 127, 3, Isa::avx2) == "avx2 maddubs narrow");  // small codes, 2 bits
}

TEST_CASE("dense convolution, AVX-512: weights with a zero point need 16 bits or a second step") {
  if (best_isa() < Isa::avx512) return;
  CHECK(chosen(-128, 127, 255, Isa::avx512) == "avx512 vnni");
  CHECK(chosen(-8, 7, 15, Isa::avx512) == "avx512 vnni");
  CHECK(chosen(-255, 255, 255, Isa::avx512) == "avx512 vnni 16");
}

}  // namespace quench::kernels
