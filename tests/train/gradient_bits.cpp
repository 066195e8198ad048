// train.gradient_bits, DoReFa's quantized gradients.
#include <doctest/doctest.h>

#include "layers/quantized_layer.h"
#include "train/small_experiment.h"
#include "train/trainer.h"

namespace quench::train {
namespace {

using Overrides = std::vector<std::string>;

const Overrides kSte{"quant.method=ste", "quant.bits=4"};

Overrides with(Overrides overrides, const std::string& more) {
  overrides.push_back(more);
  return overrides;
}

/// The checkpoint of a run in one go, or with a new Trainer after step `stop`.
std::string checkpoint_of(const Overrides& overrides, std::int64_t stop = 0) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  std::int64_t step = 0;
  const auto run = [&] {
    return Trainer(small_experiment(overrides), folder).run(folder, [&] { return ++step == stop; });
  };
  if (run().interrupted) run();
  return read_bytes(folder.last());
}

TEST_CASE("gradient_bits: layers with a quantized weight quantize their gradient, others not") {
  Trainer trainer(small_experiment(
      with(with(kSte, "quant.first_layer={weight={method='none'}}"), "train.gradient_bits=6")));
  const std::vector<QuantizedLayer*> layers = trainer.network().quantized_layers();
  for (QuantizedLayer* layer : layers) {
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
  Trainer(small_experiment(with(with(kSte, "train.gradient_bits=4"), "train.epochs=6")))
      .run(folder, [] { return false; });
  const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
  CHECK(rows.back().loss < 0.9 * rows.front().loss);
}

}  // namespace
}  // namespace quench::train
