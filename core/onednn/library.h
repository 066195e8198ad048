#pragma once

#include <string>

namespace quench::onednn {

/// The version of the loaded oneDNN library, e.g. "2.6.3".
std::string version();

/// The largest known instruction set that oneDNN uses on this CPU, e.g. "avx512_core_vnni". The
/// environment variable ONEDNN_MAX_CPU_ISA lowers it.
std::string isa();

/// Whether oneDNN may use AVX-512: the CPU has it, and ONEDNN_MAX_CPU_ISA does not forbid it.
bool has_avx512();

/// Whether oneDNN multiplies bfloat16 by instructions of the CPU (AVX512_BF16 or AMX), and
/// ONEDNN_MAX_CPU_ISA does not forbid it.
bool has_bf16();

}  // namespace quench::onednn
