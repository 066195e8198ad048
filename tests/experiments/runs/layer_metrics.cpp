#include "experiments/runs/layer_metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <vector>

#include "experiments/runs/small_run.h"
#include "layers/quantized_layer.h"

namespace quench::experiments {
namespace {

using Named = std::map<std::string, std::map<std::string, double>>;

Named named(const LayerMetrics& metrics) {
  Named result;
  for (const SlotMetrics& slot : metrics)
    for (const auto& [name, value] : slot.values) result[slot.slot][name] = value;
  return result;
}

/// The metrics of a run of two epochs.
std::vector<EpochMetrics> epochs_of(const Overrides& overrides) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run(small_experiment(overrides), folder).train(folder, [] { return false; });
  return read_epoch_metrics(folder.epoch_metrics());
}

TEST_CASE("layer metrics: every quantizer, by layer and slot, with its own values and its scale") {
  const Named ab = named(epochs_of({"quant.method=ab", "quant.bits=1"}).back().layers);
  CHECK(ab.size() == 2 * 9 - 1);  // the first layer does not quantize the image
  CHECK_FALSE(ab.contains("conv1.input"));
  CHECK(ab.at("conv2.input").contains("alpha"));
  CHECK(ab.at("conv2.weight").at("alpha") > 0.0);
  CHECK(ab.at("conv2.weight").at("scale") > 0.0);

  const Named lsq = named(epochs_of({"quant.method=lsq", "quant.bits=4"}).back().layers);
  CHECK(lsq.at("conv2.weight").at("scale") > 0.0);
  CHECK_FALSE(lsq.at("conv2.weight").contains("sign_flips"));  // 15 codes

  const Named tqt = named(epochs_of({"quant.method=tqt", "quant.bits=4"}).back().layers);
  CHECK(tqt.at("conv2.weight").at("threshold") ==
        doctest::Approx(std::exp2(tqt.at("conv2.weight").at("log2_t"))));
}

TEST_CASE("layer metrics: a quantizer column has the reported value, or 0 if none is reported") {
  for (const EpochMetrics& metrics : epochs_of({"quant.method=ab", "quant.bits=1"})) {
    CHECK(metrics.row.alpha > 0.0);
    CHECK(metrics.row.alpha == named(metrics.layers).at("conv2.weight").at("alpha"));
  }
  for (const EpochMetrics& metrics : epochs_of({"quant.method=tqt", "quant.bits=4"}))
    CHECK(metrics.row.alpha == 0.0);
}

TEST_CASE("layer metrics: a float network has none") {
  for (const EpochMetrics& metrics : epochs_of({})) CHECK(metrics.layers.empty());
}

/// Signs of a layer's codes, from the latent weights by the method's formula: sign(w), or for a
/// ternary weight 0 within 0.7 mean|w| (Li & Liu 2016).
std::vector<int> signs_of(const Tensor& weight, bool ternary) {
  double magnitudes = 0.0;
  for (const float w : weight.span()) magnitudes += std::abs(double{w});
  const double delta = ternary ? 0.7 * magnitudes / static_cast<double>(weight.numel()) : 0.0;
  std::vector<int> signs;
  for (const float w : weight.span()) {
    if (ternary && std::abs(double{w}) <= delta) {
      signs.push_back(0);
    } else {
      signs.push_back(w < 0.0f ? -1 : 1);
    }
  }
  return signs;
}

void check_flips(const Overrides& overrides, bool ternary) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment(overrides), folder);
  Tensor weight;
  for (layers::QuantizedLayer* layer : run.network().quantized_layers())
    if (layer->name() == "conv2") weight = layer->weight().value();
  std::vector<int> first;
  int step = 0;
  run.train(folder, [&] {
    if (++step == 4) first = signs_of(weight, ternary);
    return false;
  });
  const std::vector<int> last = signs_of(weight, ternary);
  int flips = 0;
  for (std::size_t i = 0; i < last.size(); ++i) flips += first[i] != last[i] ? 1 : 0;
  CHECK(flips > 0);

  const std::vector<EpochMetrics> epochs = read_epoch_metrics(folder.epoch_metrics());
  REQUIRE(epochs.size() == 2);
  CHECK_FALSE(named(epochs[0].layers).at("conv2.weight").contains("sign_flips"));
  CHECK(named(epochs[1].layers).at("conv2.weight").at("sign_flips") ==
        static_cast<double>(flips) / static_cast<double>(last.size()));
}

TEST_CASE("layer metrics: sign flips, from the second epoch on, as counted from the weights") {
  check_flips({"quant.method=ste", "quant.bits=1"}, false);
  check_flips({"quant.weight={method='twn',bits=2}", "quant.activation={method='ste',bits=1}"},
              true);
}

}  // namespace
}  // namespace quench::experiments
