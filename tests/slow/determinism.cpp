#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "experiments/experiment.h"
#include "experiments/runs/small_run.h"
#include "layers/models/registry.h"
#include "quant/registry.h"

// The same seed and threads give the same bits, however many threads prepare the batches and
// wherever a run is stopped: for every registered model and method.

namespace quench::experiments {
namespace {

Overrides with(Overrides overrides, const Overrides& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

/// Runs again unchanged, with other loader threads, and in two processes with different numbers of them;
/// all must end with the same checkpoint.
/// @param experiment  of overrides
template <typename Experiment>
void check_same_bits(const Experiment& experiment) {
  const auto checkpoint = [&experiment](const char* override, std::int64_t stop = 0) {
    return checkpoint_of_run([&] { return experiment({override}); }, stop);
  };
  const std::string once = checkpoint("data.loader_threads=1");
  CHECK(checkpoint("data.loader_threads=1") == once);
  CHECK(checkpoint("data.loader_threads=4") == once);
  constexpr std::int64_t kStop = 2;
  CHECK(checkpoint("data.loader_threads=3", kStop) == once);
  CHECK(checkpoint("train.seed=4") != once);  // the bits depend on training
}

int bits_for(const quant::StrategyInfo& info) {
  constexpr int kWanted = 4;
  int bits = kWanted;
  for (const quant::Role role : {quant::Role::weight, quant::Role::activation}) {
    const quant::BitRange range = info.bits(role);
    if (info.has(role)) bits = std::clamp(bits, range.min, range.max);
  }
  return bits;
}

TEST_CASE("same bits with any number of loader threads: every method") {
  int methods = 0;
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    CAPTURE(info.name);
    const Overrides method{"quant.method=" + info.name,
                           fmt::format("quant.bits={}", bits_for(info))};
    check_same_bits([&](const Overrides& more) { return small_experiment(with(method, more)); });
    ++methods;
  }
  fmt::print("{} methods\n", methods);
}

/// Three steps of a model at its smallest width.
ExperimentConfig model_experiment(const std::string& model, const Overrides& overrides) {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& width) {
    write_text(folder / "model.toml",
               fmt::format("model = {{ name = \"{}\"{} }}\n", model, width) + R"(
[data]
train_size = 24
test_size = 8
[quant]
method = "ste"
bits = 4
residual = {}
pool = {}
[train]
epochs = 1
batch_size = 8
)");
    ExperimentConfig config = load_experiment(folder / "model.toml", overrides);
    build_network(config, data_format(config));  // reads the keys of [model]
    return config;
  };
  try {
    return load(", width = 0.125");
  } catch (const std::invalid_argument&) {
    return load("");  // the model has one width
  }
}

TEST_CASE("same bits with any number of loader threads: every model") {
  int count = 0;
  for (const layers::models::ModelInfo& info : layers::models::registered_models()) {
    CAPTURE(info.name);
    check_same_bits([&](const Overrides& more) { return model_experiment(info.name, more); });
    ++count;
  }
  fmt::print("{} models\n", count);
}

}  // namespace
}  // namespace quench::experiments
