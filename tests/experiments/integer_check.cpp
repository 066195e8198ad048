#include "experiments/integer_check.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "core/ops/elementwise.h"
#include "deploy/freeze.h"
#include "experiments/runs/small_run.h"
#include "layers/quantized_layer.h"
#include "quant/registry.h"

namespace quench::experiments {
namespace {

/// Overrides that give every slot integers.
const Overrides kIntegers{"quant.first_layer={activation={method='affine',bits=8}}",
                          "quant.method=ste", "quant.bits=4", "train.verify_every=1"};

/// Breaks the promise: every second call returns codes with the opposite sign.
class Fickle final : public quant::Quantizer {
 public:
  using Quantizer::Quantizer;
  quant::QuantGrid grid() const override { return quant::signed_narrow_grid(bits()); }
  void observe(const Tensor& /*x*/) override {}
  Tensor quantize(const Tensor& x) const override {
    odd_ = !odd_;
    const float sign = odd_ ? -1.0f : 1.0f;
    return map(x, [sign](float v) { return v < 0.0f ? -sign : sign; });
  }

 protected:
  Variable train_forward(const Variable& x) override { return x; }

 private:
  mutable bool odd_ = false;
};

void register_fickle() {
  static const bool once = [] {
    quant::register_quantizer(
        {.name = "fickle", .summary = "breaks its promise"},
        [](const quant::SlotSpec& spec) { return std::make_unique<Fickle>(spec); });
    return true;
  }();
  CHECK(once);
}

TEST_CASE("verify_every: a trained network's integers match its evaluation") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment(kIntegers), folder);
  CHECK(run.train(folder, [] { return false; }).epochs == 2);

  const auto images = evaluation_loader(run.config(), run.data().test);
  layers::Module& network = run.network();
  deploy::Engine engine(deploy::freeze(network, {1, 3, 32, 32}));
  CHECK_FALSE(first_mismatch(network, engine, *images, 2).has_value());
}

TEST_CASE("verify_every: names the layer that differs, and how often") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment(kIntegers), folder);
  run.train(folder, [] { return false; });
  layers::Module& network = run.network();
  deploy::Engine engine(deploy::freeze(network, {1, 3, 32, 32}));
  layers::QuantizedLayer* conv3 = network.quantized_layers()[2];
  REQUIRE(conv3->name() == "conv3");
  Tensor weight = conv3->weight().value();  // a handle
  weight.copy_from(map(weight, [](float w) { return -w; }));
  weight.bump_version();

  const auto images = evaluation_loader(run.config(), run.data().test);
  const auto mismatch = first_mismatch(network, engine, *images, 2);
  REQUIRE(mismatch.has_value());
  CHECK(mismatch->layer == "conv3");
  CHECK(mismatch->reader == "conv4");
  // 16 images of 16 x 16 after the pool of conv2; conv3 has 256 / 16 channels.
  CHECK(mismatch->compared == 16 * 16 * 16 * 16);
  CHECK(mismatch->different > 0);
  CHECK(mismatch->different <= mismatch->compared);
}

TEST_CASE("verify_every: a difference ends the run and leaves the last checkpoint") {
  register_fickle();
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  const Overrides fickle =
      with(with(kIntegers, "quant.override=[{match='conv3', weight={method='fickle'}}]"),
           "train.verify_every=2");
  Run run(small_experiment(fickle), folder);
  const std::string message =
      "epoch 2, step 4: the integer engine and evaluation differ, first between conv3 "
      "and conv4 (";
  CHECK_THROWS_WITH_AS(run.train(folder, [] { return false; }), doctest::Contains(message.c_str()),
                       std::runtime_error);
  Run resumed(small_experiment(fickle), folder);
  CHECK(resumed.position().epoch == 1);
}

TEST_CASE("verify_every: does not change a run's bits, resumed or not") {
  for (const Overrides& quantization : kQuantizations) {
    if (quantization.empty()) continue;
    Overrides plain = quantization;
    plain.push_back(kIntegers.front());
    const Overrides verified = with(with(plain, "train.verify_every=1"), "train.verify_batches=1");
    const std::string bits = checkpoint_of(plain);
    CHECK(checkpoint_of(verified) == bits);
    CHECK(checkpoint_of(verified, 5) == bits);
  }
}

TEST_CASE("verify_every: rejects a network without an integer form before the first step") {
  const auto refused = [](const Overrides& overrides, const char* why) {
    CHECK_THROWS_WITH_AS(Run(small_experiment(overrides)), doctest::Contains(why),
                         std::invalid_argument);
  };
  refused({"train.verify_every=1"}, "fc9 reads float32 values");  // the output needs it
  refused({"train.verify_every=3", "quant.method=ste", "quant.bits=4"},
          "train.verify_every: expected 0 for a network without an integer form, got 3: conv1 "
          "reads float32 values");
  Overrides xnor = kIntegers;
  for (const char* setting : {"quant.method=xnor", "quant.bits=1"}) xnor.emplace_back(setting);
  refused(xnor, "xnor scales its output");
  refused({"train.verify_batches=0"}, "train.verify_batches");
}

}  // namespace
}  // namespace quench::experiments
