#include <cstdint>
#include <stdexcept>

#include "core/random.h"
#include "fuzz/target.h"
#include "onnx/file/read.h"
#include "onnx/import/network.h"

using namespace quench;

/// Builds a network from an ONNX file for the image size and classes that the file declares.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::may_refuse<std::runtime_error>([&] {
    const quench::onnx::OnnxModel model =
        quench::onnx::parse_onnx(fuzz::bytes_of(data, size), "input", "");
    const layers::models::ModelInput input = quench::onnx::onnx_model_input(model, "input");
    Random random(1, "initialization");
    fuzz::promise(quench::onnx::make_onnx_network(model, "input", input, {}, random) != nullptr);
  });
}
