// Calibration gives the same bits for any number of threads.

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "layers/attach_quantizers.h"
#include "layers/linear.h"
#include "layers/random_network.h"
#include "layers/shape_layers.h"
#include "ptq/absorb_bias.h"
#include "ptq/bias_correction.h"
#include "ptq/calibrate.h"
#include "ptq/equalize.h"
#include "ptq/reconstruction/reconstruct.h"
#include "ptq/rescale_depthwise.h"

namespace quench::ptq {
namespace {

using testing::random_tensor;

/// Enough images and pixels for oneDNN to split its sums.
Tensor images() { return random_tensor({40, 3, 12, 12}, 7); }

/// Full, depthwise, grouped and 1x1 convolutions and two linear layers, of `method`.
std::unique_ptr<layers::Sequential> network_of(const std::string& method) {
  testing::ConvBuilder builder;
  auto network = std::move(builder.conv(3, 24, 3, 1, Activation::relu)
                               .conv(24, 24, 3, 24, Activation::relu)
                               .conv(24, 16, 1, 1, Activation::relu)
                               .conv(16, 24, 3, 2, Activation::relu)
                               .network);
  Random random(4, "test");
  network->append("flatten", std::make_shared<layers::Flatten>());
  network->append("fc1",
                  std::make_shared<layers::Linear>(
                      layers::LinearOptions{.in_features = 24 * 144, .out_features = 48}, random));
  network->append("fc2", std::make_shared<layers::Linear>(
                             layers::LinearOptions{.in_features = 48, .out_features = 10}, random));
  testing::randomize(*network, 20);
  layers::attach_quantizers(
      *network, quant::Policy(Settings::from(
                    {{"method", method},
                     {"weight", Settings::from({{"bits", 4}, {"granularity", "per_channel"}})},
                     {"activation", Settings::from({{"bits", 6}})}})));
  return network;
}

/// All that calibration can change, as bytes.
std::string state_of(layers::Module& network) {
  std::string bytes;
  const auto add = [&bytes](const Tensor& tensor) {
    bytes.append(reinterpret_cast<const char*>(tensor.bytes_begin()), tensor.bytes());
  };
  for (layers::Parameter& parameter : network.parameters()) add(parameter.value.value());
  for (const layers::Buffer& buffer : network.buffers()) add(buffer.value);
  layers::for_each_quantizer(network, [&](const quant::Quantizer& quantizer) {
    for (const auto& [name, tensor] : quantizer.state()) add(tensor);
  });
  return bytes;
}

void check_threads(const std::string& method, const std::function<void(layers::Module&)>& run) {
  const int before = num_threads();
  std::string first;
  for (const int threads : {1, 2, 3, 5}) {
    CAPTURE(threads);
    set_num_threads(threads);
    const auto network = network_of(method);
    run(*network);
    const std::string state = state_of(*network);
    if (first.empty()) first = state;
    CHECK((state == first));
  }
  set_num_threads(before);
}

void choose_ranges(layers::Module& network, const CalibrationOptions& options) {
  datasets::ImageList list{.shape = {3, 12, 12}, .class_names = {"a"}, .pixels = {}, .labels = {}};
  Random random(5, "test");
  for (int i = 0; i < 20; ++i) {
    for (int k = 0; k < 3 * 144; ++k)
      list.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
    list.labels.push_back(0);
  }
  datasets::Loader loader(datasets::memory_dataset(list),
                          datasets::Transform{.mean = {128, 128, 128}, .std = {64, 64, 64}},
                          {.batch_size = 10});
  calibrate(network, options, loader);
}

TEST_CASE("the number of threads changes no range, whatever the calibrator and the order") {
  for (const CalibratorInfo& calibrator : registered_calibrators()) {
    CAPTURE(calibrator.name);
    for (const char* order : {"float", "topological"}) {
      CAPTURE(order);
      check_threads("affine", [&](layers::Module& network) {
        CalibrationOptions options{.weights = {}, .activations = {}, .order = order};
        options.weights.method = options.activations.method = calibrator.name;
        options.activations.bins = 256;
        choose_ranges(network, options);
      });
    }
  }
}

TEST_CASE("the number of threads changes nothing in equalization and in the correction of biases") {
  for (const ExpectedInput mode : {ExpectedInput::empirical, ExpectedInput::analytic}) {
    check_threads("symmetric", [&](layers::Module& network) {
      equalize(network);
      absorb_biases(network);
      choose_ranges(network, {.weights = {}, .activations = {}});
      correct_biases(network, {images()}, mode);
    });
  }
  check_threads("symmetric",
                [](layers::Module& network) { rescale_depthwise(network, {images()}); });
}

TEST_CASE("the number of threads changes no code or step that reconstruction chooses") {
  const auto descent = [](const std::string& method, const std::string& fisher = "none") {
    Settings table = Settings::from({{"iterations", 6}, {"batch_size", 24}});
    if (method == "brecq") {
      table.set("step_iterations", 4);
      table.set("fisher", fisher);
    }
    return read_reconstruction(Settings::from({{"reconstruct", method}, {method, table}}));
  };
  std::vector<ReconstructionOptions> all{{.method = "gptq"}, descent("brecq", "full")};
  for (const char* method : {"adaround", "brecq", "qdrop", "rounding_offset"})
    all.push_back(descent(method));
  for (const ReconstructionOptions& options : all) {
    CAPTURE(options.method);
    check_threads("lsq", [&](layers::Module& network) {
      CalibrationOptions ranges{.weights = {}, .activations = {}};
      ranges.weights.method = "mse";
      choose_ranges(network, ranges);
      reconstruct(network, options, images(), 1);
    });
  }
}

}  // namespace
}  // namespace quench::ptq
