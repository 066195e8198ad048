#include "kernels/isa.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "support/error.h"

namespace quench::kernels {
namespace {

constexpr std::array kIsas{Isa::scalar, Isa::avx2, Isa::avx512};

[[maybe_unused]] bool cpu_has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

[[maybe_unused]] bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
         __builtin_cpu_supports("avx512vpopcntdq");
}

/// The best instruction set that both this build and this CPU support.
Isa detect() {
#ifdef QUENCH_HAVE_AVX512
  if (cpu_has_avx512()) return Isa::avx512;
#endif
#ifdef QUENCH_HAVE_AVX2
  if (cpu_has_avx2()) return Isa::avx2;
#endif
  return Isa::scalar;
}

}  // namespace

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

Isa best_isa() {
  static const Isa detected = detect();
  // Read every time: tests change it.
  const char* limit = std::getenv("QUENCH_MAX_ISA");
  if (limit == nullptr || *limit == '\0') return detected;
  for (const Isa isa : kIsas) {
    if (to_string(isa) == limit) return std::min(isa, detected);
  }
  fail("QUENCH_MAX_ISA: expected scalar, avx2 or avx512, got '{}'", limit);
}

}  // namespace quench::kernels
