// onnx_logits NET IMAGES LOGITS: the logits of an ONNX file's network for images, both raw float32, the images in the
// order of the graph's input [N, C, H, W].

#include <cstring>
#include <exception>
#include <iostream>

#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "support/error.h"
#include "support/file.h"

using namespace quench;

namespace {

Tensor read_images(const std::string& file, const layers::models::ModelInput& input) {
  const std::vector<std::byte> bytes = read_file(file);
  std::vector<float> pixels(bytes.size() / sizeof(float));
  std::memcpy(pixels.data(), bytes.data(), pixels.size() * sizeof(float));
  const std::int64_t size = input.channels * input.height * input.width;
  return Tensor::from_row_major(
      {std::ssize(pixels) / size, input.channels, input.height, input.width}, pixels);
}

void run(const std::string& net, const std::string& images, const std::string& logits) {
  const quench::onnx::OnnxModel model = quench::onnx::read_onnx(net);
  const layers::models::ModelInput input = quench::onnx::onnx_model_input(model, net);
  Random random(1, "initialization");
  const auto network = quench::onnx::make_onnx_network(model, net, input, {}, random);
  network->set_training(false);
  network->set_quantizer_mode(quant::Mode::evaluation);
  const NoGradGuard no_grad;
  const Tensor output = (*network)(Variable(read_images(images, input))).value();
  write_file_atomically(logits, std::as_bytes(output.span()));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    require(argc == 4, "onnx_logits: expected NET IMAGES LOGITS");
    run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
