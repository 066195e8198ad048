// Residual sums and average pools that quantize their inputs, in calibration and training.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "experiments/probe_quantizer.h"
#include "experiments/runs/small_run.h"
#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/graph.h"
#include "ptq/calibrate.h"
#include "ptq/sqnr.h"

namespace quench::experiments {
namespace {

Overrides small_resnet(const std::string& method) {
  return {"model.name=resnet8", "quant.method=" + method, "quant.bits=4",
          "quant.residual={}",  "quant.pool={bits=6}",    "train.epochs=1"};
}

TEST_CASE("operands: a run that was killed and resumed gives the same bits") {
  for (const char* method : {"tqt", "ab", "lsq", "affine"}) {
    CAPTURE(method);
    CHECK(checkpoint_of(small_resnet(method), 2) == checkpoint_of(small_resnet(method)));
  }
}

TEST_CASE("operands: float sums and pools add nothing to a quantized network") {
  const Overrides plain{"model.name=resnet8", "quant.method=lsq", "quant.bits=4"};
  const auto names = [](const Overrides& overrides) {
    std::vector<std::string> result;
    for (const layers::Parameter& p : Run(small_experiment(overrides)).network().parameters())
      result.push_back(p.name);
    return result;
  };
  const auto contains = [](const std::vector<std::string>& list, const char* name) {
    return std::ranges::find(list, name) != list.end();
  };
  CHECK_FALSE(contains(names(plain), "stack1.add.input1_quantizer.scale"));
  CHECK(names(small_resnet("lsq")).size() == names(plain).size() + 7);
}

/// x + (2 x - 20), with slots of probes.
struct Sum final : layers::Composite {
  Sum() {
    Random random(1, "test");
    const layers::Conv2dOptions options{
        .in_channels = 1, .out_channels = 1, .kernel_size = {1, 1}, .bias = true};
    conv = std::make_shared<layers::Conv2d>(options, random);
    const layers::ValueId scaled = append("conv", conv, {layers::Graph::kInput});
    set_output(append("add", add, {layers::Graph::kInput, scaled}));
    parameters()[0].value.mutable_value().copy_from(Tensor::full({1, 1, 1, 1}, 2.4f));
    parameters()[1].value.mutable_value().copy_from(Tensor::full({1}, -20.0f));
  }

  Probe& probe(std::size_t input) {
    auto made = std::make_shared<Probe>(quant::Role::activation, true);
    add->set_input_quantizer(made, input);
    return *made;
  }
  std::shared_ptr<layers::Conv2d> conv;
  std::shared_ptr<layers::Add> add = std::make_shared<layers::Add>();
};

void calibrate(layers::Module& network, const char* order) {
  ptq::calibrate(network, {.batches = 100, .weights = {}, .activations = {}, .order = order},
                 *ten_pixels(4));
}

void check_range(const Probe& probe, double min, double max) {
  REQUIRE(probe.ranges.size() == 1);
  CHECK(double{probe.ranges[0].min} == doctest::Approx(min));
  CHECK(double{probe.ranges[0].max} == doctest::Approx(max));
}

TEST_CASE("calibrate: each operand of a sum has the range of its own input") {
  Sum network;
  const Probe& x = network.probe(0);
  const Probe& y = network.probe(1);
  calibrate(network, "float");
  check_range(x, 0.0, 63.0);
  check_range(y, -20.0, 2.4 * 63.0 - 20.0);
  TwoLayers::probe_weight(*network.conv);  // 2.4 becomes 2
  calibrate(network, "topological");
  check_range(x, 0.0, 63.0);
  check_range(y, -20.0, 2.0 * 63.0 - 20.0);
}

TEST_CASE("calibrate: a quantizer of both operands has the range of both") {
  Sum network;
  const auto both = std::make_shared<Probe>(quant::Role::activation, true);
  network.add->set_input_quantizer(both, 0);
  network.add->set_input_quantizer(both, 1);
  calibrate(network, "float");
  check_range(*both, -20.0, 2.4 * 63.0 - 20.0);
  const auto observing = std::make_shared<Probe>(quant::Role::activation, false);
  network.add->set_input_quantizer(observing, 0);
  network.add->set_input_quantizer(observing, 1);
  calibrate(network, "float");
  CHECK(observing->observed == std::vector<std::int64_t>{8, 8, 4});
}

TEST_CASE("sqnr: a quantized sum has a row, with the noise of both operands") {
  Sum network;
  CHECK(ptq::measure_sqnr(network, network, *ten_pixels(4), 100).size() == 1);
  network.probe(0);
  network.probe(1);
  const auto rows = ptq::measure_sqnr(network, network, *ten_pixels(4), 100);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].layer == "add");
  CHECK_FALSE(rows[1].weight.has_value());
  double signal = 0.0, noise = 0.0, sums = 0.0;
  for (double x = 0.0; x < 70.0; x += 7.0) {
    const double y = 2.4 * x - 20.0;
    const double kept = std::min(std::nearbyint(y), 127.0);
    signal += x * x + y * y;
    noise += (y - kept) * (y - kept);
    sums += (x + y) * (x + y);
  }
  CHECK(rows[1].input.value() == doctest::Approx(10.0 * std::log10(signal / noise)).epsilon(1e-4));
  CHECK(rows[1].output == doctest::Approx(10.0 * std::log10(sums / noise)).epsilon(1e-4));
}

TEST_CASE("trace_layers: sums and pools only if they quantize") {
  Sum network;
  CHECK(layers::trace_layers(network, {1, 1, 2, 2}).size() == 1);
  network.probe(1);
  const auto layers = layers::trace_layers(network, {1, 1, 2, 2});
  REQUIRE(layers.size() == 2);
  CHECK(layers[1].name == "add");
  CHECK(layers[1].weight.rank() == 0);
  CHECK(layers[1].macs == 0);
  CHECK(layers[1].output == Shape{1, 1, 2, 2});
}

}  // namespace
}  // namespace quench::experiments
