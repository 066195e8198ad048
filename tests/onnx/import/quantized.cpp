// Networks that other tools have quantized (tests/onnx/quantized): ONNX Runtime's quantize_static with
// QDQ, PyTorch's and Brevitas' exports, QONNX. Their logits are those of ONNX Runtime with
// ORT_DISABLE_ALL, or of QONNX's own executor, for images[i] = ((7919 i + 13) mod 255 - 127) / 32.

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "deploy/deployed_checks.h"
#include "layers/quantized_layer.h"
#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "support/file.h"

using namespace quench;

namespace {

constexpr std::int64_t kSide = 14;

std::filesystem::path file_of(const std::string& name) {
  return std::filesystem::path(QUENCH_SOURCE_ROOT) / "tests" / "onnx" / "quantized" / name;
}

Tensor images() {
  constexpr std::int64_t kImages = 8, kCount = kImages * 3 * kSide * kSide;
  std::vector<float> values;
  for (std::int64_t i = 0; i < kCount; ++i)
    values.push_back(static_cast<float>((i * 7919 + 13) % 255 - 127) / 32.0f);
  return Tensor::from_row_major({kImages, 3, kSide, kSide}, values);
}

std::vector<std::vector<float>> expected_logits(const std::string& name) {
  const std::vector<std::byte> text = read_file(file_of(name + ".json"));
  const auto* begin = reinterpret_cast<const char*>(text.data());
  return nlohmann::json::parse(begin, begin + text.size())
      .at("logits")
      .get<std::vector<std::vector<float>>>();
}

std::unique_ptr<layers::Module> network_of(const quench::onnx::OnnxModel& model,
                                           const quench::onnx::OnnxNetworkOptions& options = {}) {
  Random random(1, "initialization");
  auto network =
      quench::onnx::make_onnx_network(model, "net.onnx", {3, kSide, kSide, 5}, options, random);
  network->set_training(false);
  network->set_quantizer_mode(quant::Mode::evaluation);
  return network;
}

/// Logits in float32 differ in their last bits; a different code would show.
void check_logits(layers::Module& network, const std::string& name) {
  const NoGradGuard no_grad;
  const Tensor logits = network(Variable(images())).value();
  const auto expected = expected_logits(name);
  REQUIRE(logits.shape() == Shape{std::ssize(expected), 5});
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (std::size_t k = 0; k < 5; ++k) {
      CAPTURE(i);
      const float logit = logits.span()[i * 5 + k];
      CHECK(std::abs(logit - expected[i][k]) <= 1e-5f * std::max(1.0f, std::abs(expected[i][k])));
    }
  }
}

/// The layers' weights are the file's codes.
void check_weight_codes(layers::Module& network) {
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    CAPTURE(layer->name());
    const auto codes = layer->weight_quantizer().codes(layer->weight().value());
    REQUIRE(codes.has_value());
    CHECK(testing::same_bits(dequantize(codes->values, codes->grid), layer->weight().value()));
  }
}

}  // namespace

TEST_CASE("quantized: logits match the other runtime, and integers match evaluation") {
  for (const std::string name :
       {"ort_residual_u8s8_channel", "ort_residual_s8s8_symmetric", "ort_plain_u8u8_tensor",
        "ort_squeeze_s8s8_channel", "brevitas_4bit_qcdq", "brevitas_2bit_qonnx", "torch_fbgemm",
        "qonnx_bipolar"}) {
    CAPTURE(name);
    const auto network = network_of(quench::onnx::read_onnx(file_of(name + ".onnx")));
    check_logits(*network, name);
    check_weight_codes(*network);
    const deploy::IntegerNetwork integers = testing::check_evaluation(*network, kSide);
    testing::check_engine(integers);
  }
}

TEST_CASE("quantized: a grid has the file's scale, zero point and ends") {
  const auto network = network_of(quench::onnx::read_onnx(file_of("brevitas_4bit_qcdq.onnx")));
  const std::vector<layers::QuantizedLayer*> layers = network->quantized_layers();
  REQUIRE(layers.size() == 3);
  const quant::QuantGrid weight = layers[0]->weight_quantizer().grid();
  CHECK(weight.bits == 4);
  CHECK(weight.qmin == -7);
  CHECK(weight.qmax == 7);
  CHECK(weight.axis == 0);
  CHECK(weight.scale.size() == 8);
  CHECK(layers[0]->input_quantizer().grid().bits == 8);
  const quant::QuantGrid input = layers[1]->input_quantizer().grid();
  CHECK(input.bits == 4);
  CHECK(input.qmin == 0);
  CHECK(input.qmax == 15);
}

TEST_CASE("quantized: the bias is the integer of the file, in units of a sum") {
  const auto network = network_of(quench::onnx::read_onnx(file_of("ort_plain_u8u8_tensor.onnx")));
  for (layers::QuantizedLayer* layer : network->quantized_layers()) {
    const float unit = layer->input_quantizer().grid().scale[0] *
                       layer->weight_quantizer().codes(layer->weight().value())->grid.scale[0];
    for (const float bias : layer->bias().value().span())
      CHECK(std::abs(bias / unit - std::nearbyint(bias / unit)) < 1e-2f);
  }
}

TEST_CASE("quantized: without its quantizers a network is float") {
  const quench::onnx::OnnxModel model =
      quench::onnx::read_onnx(file_of("ort_residual_u8s8_channel.onnx"));
  CHECK_FALSE(layers::is_quantized(*network_of(model, {.quantizers = false})));
}
