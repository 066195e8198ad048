#include "experiments/run.h"

#include <doctest/doctest.h>

#include <cmath>
#include <optional>
#include <set>
#include <stdexcept>

#include "core/safetensors.h"
#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/layer_metrics.h"
#include "experiments/small_experiment.h"
#include "train/evaluate.h"

namespace quench::experiments {
namespace {

using Overrides = std::vector<std::string>;

Overrides with(Overrides overrides, std::initializer_list<const char*> more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

/// The result of a finished run: its full state, bit for bit, and its metrics.
struct Outcome {
  std::string last, best;
  std::vector<MetricsRow> rows;
  std::vector<LayerMetrics> layers;  // by epoch
};

Outcome outcome_of(const RunFolder& folder) {
  Outcome outcome{
      read_bytes(folder.last()), read_bytes(folder.best()), read_metrics(folder.metrics()), {}};
  for (EpochMetrics& metrics : read_epoch_metrics(folder.epoch_metrics()))
    outcome.layers.push_back(std::move(metrics.layers));
  return outcome;
}

/// Runs to the end, with a new process's Run after each of the steps in `stops`.
Outcome train(const Overrides& overrides, const std::set<std::int64_t>& stops = {}) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  std::int64_t step = 0;
  std::size_t interrupted = 0;
  for (;;) {
    Run run(small_experiment(overrides), folder);
    const RunResult result = run.train(folder, [&] { return stops.contains(++step); });
    if (!result.interrupted) break;
    ++interrupted;
  }
  CHECK(interrupted == stops.size());
  return outcome_of(folder);
}

/// Equal except for measured times.
void check_same(const Outcome& a, const Outcome& b) {
  CHECK(a.last == b.last);
  CHECK(a.best == b.best);
  CHECK(a.layers == b.layers);
  REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    MetricsRow other = b.rows[i];
    other.seconds = a.rows[i].seconds;
    other.data_wait_s = a.rows[i].data_wait_s;
    other.images_per_second = a.rows[i].images_per_second;
    CHECK(a.rows[i] == other);
  }
}

TEST_CASE("training: the loss falls, and each epoch writes a row") {
  const Outcome outcome = train({"train.epochs=4"});
  REQUIRE(outcome.rows.size() == 4);
  CHECK(outcome.rows.back().loss < 0.8 * outcome.rows.front().loss);
  for (std::size_t i = 0; i < 4; ++i) {
    const MetricsRow& row = outcome.rows[i];
    CHECK(row.epoch == static_cast<std::int64_t>(i) + 1);
    CHECK(row.step == 4 * row.epoch);
    CHECK(row.lr == doctest::Approx(3e-3));
    CHECK(row.top1_quantized == row.top1_float);  // nothing is quantized
    CHECK(row.seconds > 0.0);
    CHECK(row.data_wait_s >= 0.0);
    CHECK(row.data_wait_s <= row.seconds);
    CHECK(row.images_per_second * row.seconds == doctest::Approx(64.0));
  }
}

TEST_CASE("training: the same seed gives the same bits, another seed different ones") {
  const Overrides ste{"quant.method=ste", "quant.bits=1", "train.epochs=1"};
  const Outcome first = train(ste);
  check_same(first, train(ste));
  check_same(first, train(with(ste, {"data.loader_threads=3"})));
  CHECK(train(with(ste, {"train.seed=4"})).last != first.last);
}

TEST_CASE("training: interrupted anywhere and resumed, the same bits as in one go") {
  const Overrides ab{"quant.method=ab", "quant.bits=4", "quant.ab.project_every=3"};
  const Outcome whole = train(ab);
  // Also after the last step of an epoch, before its evaluation.
  for (std::int64_t step = 1; step <= 8; ++step) {
    CAPTURE(step);
    check_same(whole, train(ab, {step}));
  }
  check_same(whole, train(ab, {1, 2, 5, 7}));
}

TEST_CASE("training: a run does not resume with other images than it began with") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment(), folder);
  int steps = 0;
  run.train(folder, [&] { return ++steps == 5; });
  CHECK_THROWS_WITH_AS(
      Run(small_experiment({"data.train_size=63"}), folder),
      doctest::Contains("expected the images that the run began with (64 for training, 16 to judge "
                        "by), got 63 for training, 16 to judge by"),
      std::runtime_error);
}

TEST_CASE("training: resumes alike with every method and optimizer") {
  for (const Overrides& quantization : kQuantizations) {
    for (const char* optimizer : {"optimizer={name='sgd',lr=0.05,momentum=0.9}",
                                  "optimizer={name='adam',lr=0.003,glorot_scale=true}"}) {
      CAPTURE(optimizer);
      const Overrides overrides = with(quantization, {optimizer});
      check_same(train(overrides), train(overrides, {5}));
    }
  }
}

TEST_CASE("training: a network's thresholds freeze one at a time, not one per layer") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment({"quant.method=tqt", "quant.bits=4", "quant.tqt.freeze=true",
                            "quant.tqt.freeze_start=0", "quant.tqt.freeze_every=2"}),
          folder);
  run.train(folder, [] { return false; });
  int slots = 0, frozen = 0;
  for (const auto& [name, tensor] : read_safetensors(folder.last()).tensors) {
    if (!name.ends_with("quantizer.freezing")) continue;
    ++slots;
    if (tensor.data<double>()[3] != 0.0) ++frozen;
  }
  CHECK(slots > 4);
  CHECK(frozen == 4);  // two epochs of four steps
}

TEST_CASE("training: a run resumes from a checkpoint within an epoch after a kill") {
  const Overrides overrides{"train.checkpoint_every_steps=3", "quant.method=ste", "quant.bits=4"};
  const Outcome whole = train(overrides);
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  struct Killed {};
  std::int64_t step = 0;
  Run killed(small_experiment(overrides));
  // After step 7, whose predecessor was saved; the row of epoch 1 has been written.
  CHECK_THROWS_AS(killed.train(folder,
                               [&]() -> bool {
                                 if (++step == 7) throw Killed{};
                                 return false;
                               }),
                  Killed);
  Run resumed(small_experiment(overrides), folder);
  CHECK(resumed.position().epoch == 1);
  resumed.train(folder, [] { return false; });
  check_same(whole, outcome_of(folder));
}

TEST_CASE(
    "training: steps at their floor are recorded with their first step, also across a resume") {
  const auto first_steps = [](const LayerMetrics& layers) {
    std::set<std::pair<double, double>> steps;
    for (const SlotMetrics& slot : layers) {
      std::pair<double, double> since;
      for (const auto& [name, value] : slot.values) {
        if (name == kAtLimitEpoch) since.first = value;
        if (name == kAtLimitStep) since.second = value;
      }
      if (since.first != 0.0) steps.insert(since);
    }
    return steps;
  };
  const Overrides diverging{"quant.method=lsq", "quant.bits=8", "optimizer.lr=0.1"};
  const Outcome whole = train(diverging);
  const auto steps = first_steps(whole.layers.back());
  REQUIRE_FALSE(steps.empty());
  for (const auto& [epoch, step] : steps) {
    CHECK((epoch == 1.0 || epoch == 2.0));
    CHECK((step >= 1.0 && step <= 4.0));
  }
  check_same(train(diverging, {3, 6}), whole);
  CHECK(first_steps(train({"quant.method=lsq", "quant.bits=8", "optimizer.lr=1e-5"}).layers.back())
            .empty());
}

TEST_CASE("training: NaN stops the run and names epoch, step and layer; the checkpoint stays") {
  for (const Overrides& quantization :
       {Overrides{}, Overrides{"quant.method=ste", "quant.bits=4"}}) {
    const TemporaryFolder parent;
    const RunFolder folder = RunFolder::create_at(parent / "run");
    Run run(small_experiment(quantization));
    Tensor weight = run.network().parameters()[3].value.value();
    REQUIRE(run.network().parameters()[3].name == "conv2.weight");
    const auto poison = [&] {
      weight.data()[0] = std::nanf("");
      weight.bump_version();
    };
    std::int64_t step = 0;
    std::string message;
    try {
      run.train(folder, [&] {
        if (++step == 5) poison();
        return false;
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find("epoch 2, step 2: ") != std::string::npos);
    CHECK(message.find("conv2") != std::string::npos);
    CHECK(std::filesystem::exists(folder.last()));
    CHECK(read_metrics(folder.metrics()).size() == 1);
  }
}

TEST_CASE("training: init_from takes a float run's weights, also for another method") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "float");
  Run first(small_experiment({"train.epochs=1"}));
  first.train(folder, [] { return false; });
  Run second(small_experiment({"quant.method=ab", "quant.bits=1", "train.epochs=1",
                               "train.init_from=" + folder.last().string()}));
  const auto trained = first.network().parameters(), taken = second.network().parameters();
  REQUIRE(trained.size() == taken.size());
  for (std::size_t i = 0; i < trained.size(); ++i) {
    CAPTURE(trained[i].name);
    CHECK(trained[i].value.value().to_row_major() == taken[i].value.value().to_row_major());
  }
  CHECK_THROWS_AS(Run(small_experiment({"train.init_from=nowhere.safetensors"})),
                  std::runtime_error);
}

TEST_CASE("training: a resumed run no longer needs the file it was initialized from") {
  const TemporaryFolder parent;
  const RunFolder source = RunFolder::create_at(parent / "float");
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run(small_experiment({"train.epochs=1"})).train(source, [] { return false; });
  const Overrides overrides{"train.epochs=1", "train.init_from=" + source.last().string()};
  Run(small_experiment(overrides)).train(folder, [] { return true; });
  std::filesystem::remove(source.last());
  CHECK(Run(small_experiment(overrides), folder).train(folder, [] { return false; }).epochs == 1);
}

TEST_CASE("training: alpha-blending evaluates with, and returns, re-estimated statistics") {
  // Training's statistics belong to blended values; two batches re-estimate them.
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment({"quant.method=ab", "quant.bits=1"}));
  run.train(folder, [] { return false; });
  const std::vector<layers::Buffer> buffers = run.network().buffers();
  std::vector<std::vector<float>> kept;
  for (const layers::Buffer& buffer : buffers) kept.push_back(buffer.value.to_row_major());
  const auto loader = training_loader(run.config(), run.data().train);
  train::reestimate_batch_norm(run.network(), *loader, 2, quant::Mode::evaluation);
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    CAPTURE(buffers[i].name);
    CHECK(buffers[i].value.to_row_major() == kept[i]);
  }
}

}  // namespace
}  // namespace quench::experiments
