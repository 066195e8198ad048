#include "core/onednn/version.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.h>

namespace quench::onednn {

std::string version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace quench::onednn
