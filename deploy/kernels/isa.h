#pragma once

#include <cstdint>
#include <string_view>

namespace quench::deploy {

/// Instruction sets that kernels are written for, each with all of the ones before it.
enum class Isa : std::uint8_t {
  scalar,
  avx2,
  avx512,  ///< F, BW, DQ, VL, VNNI and VPOPCNTDQ
};

/// The best that this CPU has and this build knows. The environment variable QUENCH_MAX_ISA =
/// scalar | avx2 | avx512 lowers it. @throws std::runtime_error  for another value of that
Isa best_isa();
std::string_view to_string(Isa isa);

}  // namespace quench::deploy
