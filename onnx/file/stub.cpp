#include "onnx/file/read.h"
#include "onnx/file/write.h"
#include "support/error.h"

namespace quench::onnx {

namespace {

[[noreturn]] void fail_absent(const std::string& file) {
  fail(
      "{}: this build has no ONNX support; install libonnx-dev and libprotobuf-dev, and rebuild "
      "(meson setup --reconfigure build)",
      file);
}

}  // namespace

OnnxModel parse_onnx(std::span<const std::byte>, const std::string& name,
                     const std::filesystem::path&) {
  fail_absent(name);
}

OnnxModel read_onnx(const std::filesystem::path& path, const std::string&) {
  fail_absent(path.string());
}

std::size_t write_onnx(const std::filesystem::path& path, const OnnxModel&) {
  fail_absent(path.string());
}

std::string onnx_version() { return {}; }

}  // namespace quench::onnx
