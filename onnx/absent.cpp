#include "core/error.h"
#include "onnx/write.h"

namespace quench {

void write_onnx(const std::filesystem::path& path, const OnnxModel&) {
  fail(
      "{}: this build writes no ONNX; install libonnx-dev and libprotobuf-dev, and build again "
      "(meson setup --reconfigure build)",
      path.string());
}

}  // namespace quench
