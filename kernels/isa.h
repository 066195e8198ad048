#pragma once

#include <cstdint>
#include <string_view>

namespace quench::kernels {

/// Instruction sets with kernels; each includes all previous ones.
enum class Isa : std::uint8_t {
  scalar,
  avx2,
  avx512,  ///< F, BW, DQ, VL, VNNI and VPOPCNTDQ
};

/// The best instruction set that this CPU and this build support. The environment variable
/// QUENCH_MAX_ISA = scalar | avx2 | avx512 lowers it.
/// @throws std::runtime_error  if it has another value
Isa best_isa();
std::string_view to_string(Isa isa);

}  // namespace quench::kernels
