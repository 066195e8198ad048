#include "ptq/reconstruction/reconstruct.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/parallel.h"
#include "layers/attach_quantizers.h"
#include "layers/linear.h"
#include "layers/random_network.h"
#include "ptq/calibrate.h"
#include "ptq/fold.h"

namespace quench::ptq {
namespace {

using testing::evaluated;
using testing::random_tensor;

Tensor calibration_images() {
  return map(random_tensor({48, 3, 8, 8}, 70), [](float v) { return v + 0.5f; });
}

/// A full, a depthwise and a grouped convolution, each with a batch norm.
std::unique_ptr<layers::Sequential> small_network(const Settings& quant) {
  testing::ConvBuilder builder;
  auto network = std::move(builder.conv(3, 12, 3, 1, Activation::relu)
                               .conv(12, 12, 3, 12, Activation::relu6)
                               .conv(12, 6, 1, 1, Activation::none)
                               .conv(6, 8, 3, 2, Activation::relu)
                               .network);
  testing::randomize(*network, 20);
  layers::attach_quantizers(*network, quant::Policy(quant));
  return network;
}

Settings weights_by(const char* method, int bits = 3, const char* granularity = "per_channel") {
  return Settings::from(
      {{"method", "none"},
       {"weight",
        Settings::from({{"method", method}, {"bits", bits}, {"granularity", granularity}})}});
}

void choose_scales(layers::Module& network) {
  CalibrationOptions options;
  options.weights.method = "mse";
  calibrate_weights(network, options);
}

Tensor evaluated_on_codes(layers::Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::evaluation);
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

std::vector<float> all_codes(layers::Module& network) {
  std::vector<float> codes;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
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
        const auto report = reconstruct(*network, kGptq, images, 1);
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

TEST_CASE(
    "reconstruct: scales do not change, and calibrating again keeps codes that reach the range") {
  const auto network = small_network(weights_by("lsq"));
  choose_scales(*network);
  std::vector<quant::QuantGrid> grids;
  for (layers::QuantizedLayer* layer : network->quantized_layers())
    grids.push_back(layer->weight_quantizer().grid());
  reconstruct(*network, kGptq, calibration_images(), 1);
  const std::vector<float> codes = all_codes(*network);
  std::size_t i = 0;
  for (layers::QuantizedLayer* layer : network->quantized_layers()) {
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
      reconstruct(*network, {.method = "gptq", .memory_gib = memory}, calibration_images(), 1);
      const std::vector<float> codes = all_codes(*network);
      if (first.empty()) first = codes;
      CHECK(codes == first);
    }
  }
  set_num_threads(threads);
}

TEST_CASE("reconstruct: zero weights, and a channel with a batch norm gain of 0, stay 0") {
  const auto network = small_network(weights_by("affine"));
  Tensor weight = network->quantized_layers()[0]->weight().value();
  std::ranges::fill(weight.slice(2, 3).span(), 0.0f);
  weight.bump_version();
  layers::batch_norms(*network)[0]->gain().mutable_value().data()[1] = 0.0f;
  fold_batch_norms(*network);
  choose_scales(*network);
  reconstruct(*network, kGptq, calibration_images(), 1);
  const Tensor folded = network->quantized_layers()[0]->effective_weight().value();
  for (const std::int64_t channel : {1, 2})
    for (const float w : folded.slice(channel, channel + 1).span()) CHECK(w == 0.0f);
}

/// Few iterations, for methods that iterate.
ReconstructionOptions by_descent(const std::string& method, int iterations = 80,
                                 double memory = 4.0) {
  Settings table = Settings::from({{"iterations", iterations}, {"batch_size", 16}});
  if (method == "brecq") table.set("step_iterations", 40);
  return read_reconstruction(
      Settings::from({{"reconstruct", method}, {"reconstruct_memory", memory}, {method, table}}));
}

/// Weights of 3 bits and activations of 4.
std::unique_ptr<layers::Sequential> small_quantized_network(const Tensor& images) {
  auto network = small_network(
      Settings::from({{"method", "lsq"},
                      {"weight", Settings::from({{"bits", 3}, {"granularity", "per_channel"}})},
                      {"activation", Settings::from({{"bits", 4}})}}));
  choose_scales(*network);
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(*network, false, quant::Mode::training);
  (*network)(Variable(images));
  return network;
}

const std::vector<std::string> kDescents{"adaround", "brecq", "qdrop", "rounding_offset"};

TEST_CASE("reconstruct by descent: less loss than nearest codes, in each unit and at the end") {
  const Tensor images = calibration_images();
  for (const std::string& method : kDescents) {
    CAPTURE(method);
    const auto network = small_quantized_network(images);
    const Tensor wanted = evaluated(*network, images);
    const double nearest = squared_distance(evaluated_on_codes(*network, images), wanted);
    const auto report = reconstruct(*network, by_descent(method), images, 1);
    CHECK(report.units.size() == (method == "brecq" ? 8 : 4));
    for (const UnitReport& unit : report.units) CHECK(unit.chosen <= unit.nearest);
    CHECK(squared_distance(evaluated_on_codes(*network, images), wanted) < nearest);
    // All quantizers are back in their slots.
    for (layers::QuantizedLayer* layer : network->quantized_layers()) {
      CHECK(layer->input_quantizer().method() == "lsq");
      CHECK(layer->input_quantizer().mode() == quant::Mode::training);
    }
  }
}

TEST_CASE("reconstruct by descent: only brecq and qdrop train steps of activations") {
  const Tensor images = calibration_images();
  for (const std::string& method : kDescents) {
    CAPTURE(method);
    const auto network = small_quantized_network(images);
    const quant::QuantGrid before = network->quantized_layers()[1]->input_quantizer().grid();
    reconstruct(*network, by_descent(method), images, 1);
    const quant::QuantGrid after = network->quantized_layers()[1]->input_quantizer().grid();
    CHECK((before == after) == (method == "adaround" || method == "rounding_offset"));
  }
}

/// Stops a reconstruction after some units, as if it were killed.
class Killer final : public ReconstructionJournal {
 public:
  explicit Killer(std::size_t after) : after_(after) {}
  std::vector<UnitReport> restore(layers::Module& network) override {
    std::size_t i = 0;
    for (layers::Parameter& parameter : network.parameters())
      if (!values_.empty()) parameter.value.mutable_value().copy_from(values_[i++]);
    return finished_;
  }
  void keep(layers::Module& network, const std::vector<UnitReport>& finished) override {
    finished_ = finished;
    values_.clear();
    for (layers::Parameter& parameter : network.parameters())
      values_.push_back(parameter.value.value().clone());
    if (finished.size() == after_) throw std::runtime_error("killed");
  }
  void live() { after_ = 0; }

 private:
  std::size_t after_;
  std::vector<UnitReport> finished_;
  std::vector<Tensor> values_;
};

std::vector<float> all_parameters(layers::Module& network) {
  std::vector<float> values;
  for (layers::Parameter& parameter : network.parameters())
    values.insert(values.end(), parameter.value.value().span().begin(),
                  parameter.value.value().span().end());
  return values;
}

TEST_CASE("reconstruct: killed after any unit, or with little memory, the bits are the same") {
  const Tensor images = calibration_images();
  std::vector<std::string> methods = kDescents;
  methods.push_back("gptq");
  for (const std::string& method : methods) {
    CAPTURE(method);
    const auto options = [&](double memory) {
      return method == "gptq" ? ReconstructionOptions{.method = "gptq", .memory_gib = memory}
                              : by_descent(method, 12, memory);
    };
    const auto whole = small_quantized_network(images);
    const auto report = reconstruct(*whole, options(4.0), images, 1);
    const auto cramped = small_quantized_network(images);
    reconstruct(*cramped, options(1e-6), images, 1);
    CHECK(all_parameters(*cramped) == all_parameters(*whole));
    for (std::size_t units = 1; units < report.units.size(); ++units) {
      CAPTURE(units);
      Killer killer(units);
      const auto killed = small_quantized_network(images);
      CHECK_THROWS_AS(reconstruct(*killed, options(4.0), images, 1, &killer), std::runtime_error);
      killer.live();
      const auto resumed = small_quantized_network(images);
      CHECK(reconstruct(*resumed, options(4.0), images, 1, &killer).units.size() ==
            report.units.size());
      CHECK(all_parameters(*resumed) == all_parameters(*whole));
    }
  }
}

TEST_CASE("reconstruct by descent: a loss that is not finite keeps nearest codes, with a note") {
  const Tensor images = calibration_images();
  const auto network = small_quantized_network(images);
  const std::vector<float> nearest = all_codes(*network);
  Tensor mean = layers::batch_norms(*network)[0]->running_mean();
  mean.data()[0] = std::numeric_limits<float>::quiet_NaN();
  const auto report = reconstruct(*network, by_descent("adaround"), images, 1);
  CHECK(report.units.size() == 4);
  for (const UnitReport& unit : report.units)
    CHECK(unit.note == "kept nearest codes: the loss of iteration 1 is not finite");
  CHECK(all_codes(*network) == nearest);
}

TEST_CASE("reconstruct: steps that are powers of two cannot be trained") {
  const auto network = small_network(Settings::from({{"method", "tqt"}}));
  choose_scales(*network);
  const NoGradGuard no_grad;
  (*network)(Variable(calibration_images()));
  CHECK_THROWS_WITH_AS(reconstruct(*network, by_descent("qdrop"), calibration_images(), 1),
                       doctest::Contains("conv1.input: qdrop: expected a method"),
                       std::invalid_argument);
}

TEST_CASE("reconstruct: adaround handles a layer with too many columns for gptq, with a note") {
  Random random(1, "test");
  layers::Sequential network;
  network.append(
      "fc",
      std::make_shared<layers::Linear>(
          layers::LinearOptions{.in_features = kMostGptqColumns + 1, .out_features = 2}, random));
  layers::attach_quantizers(network, quant::Policy(weights_by("symmetric")));
  choose_scales(network);
  const auto report = reconstruct(network, {.method = "gptq", .weights = {.iterations = 60}},
                                  random_tensor({16, kMostGptqColumns + 1}, 3), 1);
  REQUIRE(report.units.size() == 1);
  CHECK(report.units[0].note == "used adaround: too many columns for gptq");
  CHECK(report.units[0].chosen < report.units[0].nearest);
}

TEST_CASE(
    "reconstruct: a method without a fixed scale, or without quantized weights, is an error") {
  for (const char* method : {"ste", "apot", "dorefa"}) {
    CAPTURE(method);
    const auto network = small_network(weights_by(method, 4, "per_tensor"));
    choose_scales(*network);
    CHECK_THROWS_WITH_AS(reconstruct(*network, kGptq, calibration_images(), 1),
                         doctest::Contains("conv1.weight: reconstruct: expected a method"),
                         std::invalid_argument);
  }
  const auto network = small_network(Settings::from({{"method", "none"}}));
  CHECK_THROWS_WITH_AS(reconstruct(*network, kGptq, calibration_images(), 1),
                       doctest::Contains("quantized weights"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
