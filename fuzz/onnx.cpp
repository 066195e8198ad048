#include <algorithm>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>

#include "fuzz/target.h"
#include "onnx/file/read.h"
#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;

namespace {

std::size_t element_size(quench::onnx::OnnxType type) {
  switch (type) {
    case quench::onnx::OnnxType::f32:
      return sizeof(float);
    case quench::onnx::OnnxType::s64:
      return sizeof(std::int64_t);
    default:
      return 1;
  }
}

void check_sizes(const quench::onnx::OnnxTensor& tensor) {
  std::size_t bytes = element_size(tensor.type);
  for (const std::int64_t dim : tensor.dims) bytes *= static_cast<std::size_t>(dim);
  fuzz::promise(tensor.bytes.size() == bytes);
}

/// Checks that every node comes after the values it reads, as building the network requires.
void check_order(const quench::onnx::OnnxModel& model) {
  std::set<std::string> known{"", model.input.name};
  for (const quench::onnx::OnnxTensor& constant : model.constants)
    fuzz::promise(known.insert(constant.name).second);
  for (const quench::onnx::OnnxNode& node : model.nodes) {
    for (const std::string& input : node.inputs) fuzz::promise(known.contains(input));
    fuzz::promise(known.insert(node.output).second);
  }
  fuzz::promise(known.contains(model.output.name));
}

/// The folder with external data: the float32 values 0 to 15, in a file "data".
const TemporaryFolder& folder() {
  static const TemporaryFolder result;
  static const bool written = [] {
    std::string numbers;
    for (int i = 0; i < 16; ++i) {
      const auto x = static_cast<float>(i);
      numbers.append(reinterpret_cast<const char*>(&x), sizeof(x));
    }
    write_file_atomically(result / "data", numbers);
    return true;
  }();
  fuzz::promise(written);
  return result;
}

}  // namespace

/// An ONNX file.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::may_refuse<std::runtime_error>([&] {
    const quench::onnx::OnnxModel model =
        quench::onnx::parse_onnx(fuzz::bytes_of(data, size), "input", folder().path());
    std::ranges::for_each(model.constants, check_sizes);
    check_order(model);
  });
}
