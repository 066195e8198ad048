#include "cli/parts/cpu_check.h"

#include <unistd.h>

#include <cstdio>

// Compiled for any x86-64 CPU, unlike the rest; meson.build explains what that requires. It
// includes no headers with inline functions that other files also include: the linker keeps one
// copy for all.
namespace quench::cli {
namespace {

struct Feature {
  const char* name;
  bool is_there;
};

// Runs first: priorities 0 to 100 are reserved for the compiler.
[[gnu::constructor(101)]] void check_cpu() { require_cpu(); }

}  // namespace

void require_cpu() {
  __builtin_cpu_init();
  const Feature needed[] = {
      {"x86-64", true},
#ifdef QUENCH_NEEDS_AVX2
      {"AVX2", __builtin_cpu_supports("avx2") != 0},
#endif
#ifdef QUENCH_NEEDS_FMA
      {"FMA", __builtin_cpu_supports("fma") != 0},
#endif
#ifdef QUENCH_NEEDS_AVX512F
      {"AVX512F", __builtin_cpu_supports("avx512f") != 0},
#endif
#ifdef QUENCH_NEEDS_AVX512VNNI
      {"AVX512VNNI", __builtin_cpu_supports("avx512vnni") != 0},
#endif
  };
  for (const Feature& feature : needed) {
    if (feature.is_there) continue;
    std::fprintf(
        stderr,
        "quench: this build requires a CPU with %s, which this one lacks; build with meson "
        "option march=native on it, or march=x86-64-v3 for all with AVX2\n",
        feature.name);
    ::_exit(1);
  }
}

}  // namespace quench::cli
