// train.gradient_bits, DoReFa's quantized gradients.
#include <doctest/doctest.h>

#include "experiments/run.h"
#include "experiments/runs/small_run.h"
#include "layers/quantized_layer.h"

namespace quench::experiments {
namespace {

const Overrides kSte{"quant.method=ste", "quant.bits=4"};

TEST_CASE("gradient_bits: only layers with a quantized weight quantize their gradient") {
  Run run(small_experiment(
      with(with(kSte, "quant.first_layer={weight={method='none'}}"), "train.gradient_bits=6")));
  const std::vector<layers::QuantizedLayer*> layers = run.network().quantized_layers();
  for (layers::QuantizedLayer* layer : layers) {
    CAPTURE(layer->name());
    CHECK((layer->gradient_quantizer() != nullptr) == (layer != layers.front()));
  }
  CHECK(checkpoint_of({"train.gradient_bits=2"}) == checkpoint_of({}));
}

TEST_CASE("gradient_bits: interrupted and resumed, the same bits") {
  const Overrides overrides = with(kSte, "train.gradient_bits=4");
  const std::string whole = checkpoint_of(overrides);
  CHECK(whole != checkpoint_of(kSte));
  CHECK(whole != checkpoint_of(with(kSte, "train.gradient_bits=5")));
  for (const std::int64_t stop : {2, 4, 7}) CHECK(checkpoint_of(overrides, stop) == whole);
}

TEST_CASE("gradient_bits: the loss still falls at 4 bits") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run(small_experiment(with(with(kSte, "train.gradient_bits=4"), "train.epochs=6")))
      .train(folder, [] { return false; });
  const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
  CHECK(rows.back().loss < 0.9 * rows.front().loss);
}

}  // namespace
}  // namespace quench::experiments
