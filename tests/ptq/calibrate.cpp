#include "ptq/calibrate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "core/ops/reduce.h"
#include "experiments/probe_quantizer.h"
#include "experiments/run.h"
#include "experiments/small_experiment.h"
#include "layers/quantized_layer.h"

namespace quench::ptq {
namespace {

void calibrate(experiments::TwoLayers& net, const CalibrationOptions& config,
               std::int64_t batch_size = 3) {
  calibrate(net.network, config, *experiments::ten_pixels(batch_size));
}

CalibrationOptions batches(std::int64_t count, const char* order = "float") {
  return {.batches = count, .weights = {}, .activations = {}, .order = order};
}

void check_range(const experiments::Probe& probe, double min, double max) {
  REQUIRE(probe.ranges.size() == 1);
  CHECK(probe.ranges[0].min == doctest::Approx(min));
  CHECK(probe.ranges[0].max == doctest::Approx(max));
}

TEST_CASE("calibrate: the extremes of each layer's float input, over the given batches") {
  experiments::TwoLayers net({0.0f, 0.6f, 2.4f});
  const experiments::Probe& pixels = net.probe_input(*net.first);
  const experiments::Probe& features = net.probe_input(*net.second);
  net.probe_weight(*net.first);
  calibrate(net, batches(2));  // pixels 0, 7, ..., 35
  check_range(pixels, 0.0, 35.0);
  check_range(features, -80.0, 2.4 * 35.0 - 80.0);
  calibrate(net, batches(100));  // all batches
  check_range(pixels, 0.0, 63.0);
  check_range(features, -80.0, 2.4 * 63.0 - 80.0);
  CHECK(net.network.training());
  CHECK(pixels.mode() == quant::Mode::training);
}

TEST_CASE("calibrate: in topological order each layer follows quantized ones") {
  experiments::TwoLayers net({0.0f, 0.6f, 2.4f});
  const experiments::Probe& features = net.probe_input(*net.second);
  net.probe_weight(*net.first);
  calibrate(net, batches(2, "topological"));
  // 0.6 has become 1, and 2.4 has become 2.
  check_range(features, -80.0, 35.0 - 20.0);
}

TEST_CASE("calibrate: the method of each role; a weight per channel has a range for each") {
  experiments::TwoLayers net({-1.0f, 0.5f, 2.0f});
  const experiments::Probe& weight =
      net.probe_weight(*net.first, true, quant::Granularity::per_channel);
  const experiments::Probe& whole = net.probe_weight(*net.second);
  const experiments::Probe& pixels = net.probe_input(*net.first);
  CalibrationOptions config = batches(100);
  config.activations.method = "moving_average";
  config.activations.momentum = 0.5;
  calibrate(net, config, 5);
  REQUIRE(weight.ranges.size() == 3);
  const std::vector<std::pair<double, double>> expected{{-1.0, 0.0}, {0.0, 0.5}, {0.0, 2.0}};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(weight.ranges[i].min == expected[i].first);
    CHECK(weight.ranges[i].max == expected[i].second);
  }
  check_range(whole, 0.0, 1.0);
  check_range(pixels, 0.0, 0.5 * 28.0 + 0.5 * 63.0);
}

TEST_CASE("calibrate: the range of a weight is that of its quantizer's input") {
  experiments::TwoLayers net({0.0f, 0.6f, 2.4f});
  const experiments::Probe& weight = net.probe_weight(*net.first);
  layers::BatchNorm norm(3, {.eps = 0.0f});
  norm.gain().mutable_value().copy_from(Tensor::full({3}, 2.0f));
  net.first->fold(norm);
  calibrate(net, batches(1));
  check_range(weight, 0.0, 4.8);
}

TEST_CASE("calibrate: quantizers without a range observe the data") {
  experiments::TwoLayers net({0.0f, 0.6f, 2.4f});
  const experiments::Probe& weight = net.probe_weight(*net.first, false);
  const experiments::Probe& features = net.probe_input(*net.second, false);
  calibrate(net, batches(4));
  CHECK(weight.observed == std::vector<std::int64_t>{3});
  CHECK(features.observed == std::vector<std::int64_t>{9, 9, 9, 3});
  CHECK(weight.ranges.empty());
  CHECK(features.ranges.empty());
}

TEST_CASE("calibrate: no batches and NaN are errors") {
  experiments::TwoLayers net({0.0f, 0.6f, std::numeric_limits<float>::quiet_NaN()});
  CHECK_THROWS_WITH_AS(calibrate(net, batches(0)), "calibration: expected at least 1 batch, got 0",
                       std::invalid_argument);
  net.probe_input(*net.second);
  CHECK_THROWS_WITH_AS(calibrate(net, batches(1)), doctest::Contains("probe: calibration"),
                       std::invalid_argument);
}

/// The scale of the first quantized weight, and the largest |weight| on its positive codes.
struct WeightScale {
  double scale, reach;
};

WeightScale first_scale(const std::vector<std::string>& overrides) {
  experiments::Run run(experiments::small_experiment(overrides));
  layers::QuantizedLayer& layer = *run.network().quantized_layers().front();
  const Tensor& weight = layer.weight().value();
  layer.weight_quantizer().observe(weight);
  const quant::QuantGrid grid = layer.weight_quantizer().grid();
  return {double{grid.scale[0]}, double{max_abs(weight)} / grid.qmax};
}

TEST_CASE("training: a [calibration] table initializes quantizers from ranges") {
  const WeightScale own = first_scale({"quant.method=lsq", "quant.bits=4"});
  // 2 mean |w| / sqrt(qmax), of weights that are uniform in [-reach qmax, reach qmax].
  CHECK(own.scale == doctest::Approx(std::sqrt(7.0) * own.reach).epsilon(0.1));
  const WeightScale calibrated =
      first_scale({"quant.method=lsq", "quant.bits=4", "calibration.batches=2"});
  CHECK(calibrated.scale == doctest::Approx(calibrated.reach).epsilon(1e-6));
}

TEST_CASE("training: calibrated, interrupted and resumed, the same bits") {
  const std::vector<std::string> overrides{"quant.method=lsq",
                                           "quant.bits=4",
                                           "calibration.activations=mse",
                                           "calibration.order=topological",
                                           "calibration.equalize=true",
                                           "calibration.bias_correction=analytic"};
  const auto train = [&](const std::set<int>& stops) {
    const TemporaryFolder parent;
    const experiments::RunFolder folder = experiments::RunFolder::create_at(parent / "run");
    int step = 0;
    while (experiments::Run(experiments::small_experiment(overrides), folder)
               .train(folder, [&] { return stops.contains(++step); })
               .interrupted) {
    }
    return experiments::read_bytes(folder.last());
  };
  CHECK(train({}) == train({2, 5}));
}

}  // namespace
}  // namespace quench::ptq
