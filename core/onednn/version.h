#pragma once

#include <string>

namespace quench::onednn {

/// Of the oneDNN library that is loaded, e.g. "2.6.3".
std::string version();

/// The largest instruction set that it uses on this CPU, of those that are known here: "avx2",
/// "avx512_core_vnni". The environment variable ONEDNN_MAX_CPU_ISA lowers it.
std::string isa();

}  // namespace quench::onednn
