#include "examples/quench/cpu_check.h"

namespace quench::command {

std::string missing_cpu_features() {
  std::string missing;
  const auto need = [&missing](bool there, const char* name) {
    if (there) return;
    if (!missing.empty()) missing += ' ';
    missing += name;
  };
  // A feature's name has to be a literal.
#ifdef __AVX2__
  need(__builtin_cpu_supports("avx2") != 0, "avx2");
#endif
#ifdef __FMA__
  need(__builtin_cpu_supports("fma") != 0, "fma");
#endif
#ifdef __AVX512F__
  need(__builtin_cpu_supports("avx512f") != 0, "avx512f");
#endif
#ifdef __AVX512VNNI__
  need(__builtin_cpu_supports("avx512vnni") != 0, "avx512vnni");
#endif
  return missing;
}

}  // namespace quench::command
