#include "ptq/reconstruction/reconstruct.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "core/parallel.h"
#include "layers/attach_quantizers.h"
#include "layers/random_network.h"
#include "ptq/calibrate.h"
#include "ptq/fold.h"

namespace quench {
namespace {

using testing::evaluated;
using testing::random_tensor;

Tensor calibration_images() {
  return map(random_tensor({48, 3, 8, 8}, 70), [](float v) { return v + 0.5f; });
}

/// A full, a depthwise and a grouped convolution, each with a batch norm.
std::unique_ptr<Sequential> small_network(const Settings& quant) {
  testing::ConvBuilder builder;
  auto network = std::move(builder.conv(3, 12, 3, 1, Activation::relu)
                               .conv(12, 12, 3, 12, Activation::relu6)
                               .conv(12, 6, 1, 1, Activation::none)
                               .conv(6, 8, 3, 2, Activation::relu)
                               .network);
  testing::randomize(*network, 20);
  attach_quantizers(*network, quant::Policy(quant));
  return network;
}

Settings weights_by(const char* method, int bits = 3, const char* granularity = "per_channel") {
  return Settings::from(
      {{"method", "none"},
       {"weight",
        Settings::from({{"method", method}, {"bits", bits}, {"granularity", granularity}})}});
}

void choose_scales(Module& network) {
  train::CalibrationOptions options;
  options.weights.method = "mse";
  train::calibrate_weights(network, options);
}

Tensor evaluated_on_codes(Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::evaluation);
  return network(Variable(images)).value();
}

double squared_distance(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.span().size(); ++i) {
    const double d = double{a.span()[i]} - double{b.span()[i]};
    sum += d * d;
  }
  return sum;
}

std::vector<float> all_codes(Module& network) {
  std::vector<float> codes;
  for (QuantizedLayer* layer : network.quantized_layers()) {
    const Tensor values = layer->weight_quantizer().quantize(layer->effective_weight().value());
    codes.insert(codes.end(), values.span().begin(), values.span().end());
  }
  return codes;
}

const ReconstructionOptions kGptq{.method = "gptq"};

TEST_CASE("reconstruct: less output error than nearest codes; full, depthwise and grouped layers") {
  const Tensor images = calibration_images();
  for (const char* method : {"symmetric", "affine", "lsq"}) {
    for (const char* granularity : {"per_channel", "per_tensor"}) {
      for (const bool fold : {false, true}) {
        CAPTURE(method);
        CAPTURE(granularity);
        CAPTURE(fold);
        const auto network = small_network(weights_by(method, 3, granularity));
        if (fold) fold_batch_norms(*network);
        const Tensor wanted = evaluated(*network, images);
        choose_scales(*network);
        const double nearest = squared_distance(evaluated_on_codes(*network, images), wanted);
        const auto report = reconstruct(*network, kGptq, images);
        CHECK(report.units.size() == 4);
        for (const UnitReport& unit : report.units) {
          CHECK(unit.note == "");
          CHECK(unit.chosen <= unit.nearest);
        }
        const Tensor got = evaluated_on_codes(*network, images);
        CHECK(squared_distance(got, wanted) < 0.7 * nearest);
        // The float network underneath computes with the same weights.
        CHECK(testing::deviation(evaluated(*network, images), got) < 1e-4);
      }
    }
  }
}

TEST_CASE("reconstruct: scales stay, and calibrating again keeps codes that reach the range") {
  const auto network = small_network(weights_by("lsq"));
  choose_scales(*network);
  std::vector<quant::QuantGrid> grids;
  for (QuantizedLayer* layer : network->quantized_layers())
    grids.push_back(layer->weight_quantizer().grid());
  reconstruct(*network, kGptq, calibration_images());
  const std::vector<float> codes = all_codes(*network);
  std::size_t i = 0;
  for (QuantizedLayer* layer : network->quantized_layers()) {
    CHECK(layer->weight_quantizer().grid() == grids[i]);
    ++i;
    layer->weight_quantizer().observe(layer->effective_weight().value());
  }
  CHECK(all_codes(*network) == codes);
}

TEST_CASE("reconstruct: the same bits for any number of threads, and for too little memory") {
  const int threads = num_threads();
  std::vector<float> first;
  for (const int count : {1, 2, 3}) {
    for (const double memory : {4.0, 1e-6}) {
      set_num_threads(count);
      const auto network = small_network(weights_by("symmetric"));
      choose_scales(*network);
      reconstruct(*network, {.method = "gptq", .memory_gib = memory}, calibration_images());
      const std::vector<float> codes = all_codes(*network);
      if (first.empty()) first = codes;
      CHECK(codes == first);
    }
  }
  set_num_threads(threads);
}

TEST_CASE("reconstruct: weights of zeros, and a channel that batch norm takes out, stay 0") {
  const auto network = small_network(weights_by("affine"));
  Tensor weight = network->quantized_layers()[0]->weight().value();
  std::ranges::fill(weight.slice(2, 3).span(), 0.0f);
  weight.bump_version();
  batch_norms(*network)[0]->gain().mutable_value().data()[1] = 0.0f;
  fold_batch_norms(*network);
  choose_scales(*network);
  reconstruct(*network, kGptq, calibration_images());
  const Tensor folded = network->quantized_layers()[0]->effective_weight().value();
  for (const std::int64_t channel : {1, 2})
    for (const float w : folded.slice(channel, channel + 1).span()) CHECK(w == 0.0f);
}

TEST_CASE("reconstruct: a method without a scale that stays, or without quantized weights") {
  for (const char* method : {"ste", "apot", "dorefa"}) {
    CAPTURE(method);
    const auto network = small_network(weights_by(method, 4, "per_tensor"));
    choose_scales(*network);
    CHECK_THROWS_WITH_AS(reconstruct(*network, kGptq, calibration_images()),
                         doctest::Contains("conv1.weight: reconstruct: expected a method"),
                         std::invalid_argument);
  }
  const auto network = small_network(Settings::from({{"method", "none"}}));
  CHECK_THROWS_WITH_AS(reconstruct(*network, kGptq, calibration_images()),
                       doctest::Contains("quantized weights"), std::invalid_argument);
}

}  // namespace
}  // namespace quench
