#include "core/onednn/library.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.h>

#include <array>

namespace quench::onednn {
namespace {

bool uses(dnnl_cpu_isa_t isa) {
  // Instruction sets are bit sets; each contains the sets that it builds on.
  const auto wanted = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl_get_effective_cpu_isa()) & wanted) == wanted;
}

}  // namespace

std::string version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

std::string isa() {
  struct Known {
    dnnl_cpu_isa_t isa;
    const char* name;
  };
  // The values differ between versions; each value contains the bits of the sets that it includes.
  constexpr std::array kKnown{
      Known{dnnl_cpu_isa_sse41, "sse41"},
      Known{dnnl_cpu_isa_avx, "avx"},
      Known{dnnl_cpu_isa_avx2, "avx2"},
      Known{dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
      Known{dnnl_cpu_isa_avx512_core, "avx512_core"},
      Known{dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
      Known{dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
      Known{dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
  };
  const unsigned used = dnnl_get_effective_cpu_isa();
  std::string name = "scalar";
  for (const Known& known : kKnown) {
    if ((used & known.isa) == static_cast<unsigned>(known.isa)) name = known.name;
  }
  return name;
}

bool has_avx512() { return uses(dnnl_cpu_isa_avx512_core); }

bool has_bf16() { return uses(dnnl_cpu_isa_avx512_core_bf16); }

}  // namespace quench::onednn
