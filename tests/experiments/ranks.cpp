// Whole trainings by several ranks, as threads; tests/cli/mpi.sh uses processes.

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "experiments/run.h"
#include "experiments/small_experiment.h"
#include "layers/linear.h"
#include "thread_ranks.h"
#include "train/rank_agreement.h"

namespace quench::experiments {
namespace {

using Overrides = std::vector<std::string>;

struct Outcome {
  TensorFile last;
  std::string bytes;
  std::vector<MetricsRow> rows;
};

Outcome outcome_of(const RunFolder& folder) {
  return {read_safetensors(folder.last()), read_bytes(folder.last()),
          read_metrics(folder.metrics())};
}

Overrides with(Overrides overrides, const Overrides& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

Outcome train_alone(const Overrides& overrides) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run(small_experiment(overrides), folder).train(folder, [] { return false; });
  return outcome_of(folder);
}

/// Continues with a new Run after `stop_at` steps; only rank 1 requests the stop.
Outcome train_on_ranks(int ranks, const Overrides& overrides, std::int64_t stop_at = -1) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  ThreadRanks(ranks).run([&](int rank) {
    std::int64_t step = 0;
    const auto stop = [&] { return ++step == stop_at && rank == 1; };
    // All of them use the folder of rank 0, which holds the lock.
    while (Run(small_experiment(overrides), folder).train(folder, stop).interrupted) {
    }
  });
  return outcome_of(folder);
}

/// The largest difference of any weight, relative to the largest weight of its tensor.
double largest_difference(const Outcome& a, const Outcome& b) {
  double worst = 0.0;
  CHECK(a.last.tensors.size() == b.last.tensors.size());
  for (const auto& [name, tensor] : a.last.tensors) {
    if (tensor.dtype() != DType::f32 || name.starts_with("optimizer.")) continue;
    const Tensor& other = b.last.tensors.at(name);
    double reach = 1e-3, difference = 0.0;
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
      reach = std::max(reach, static_cast<double>(std::abs(tensor.data()[i])));
      difference =
          std::max(difference, std::abs(static_cast<double>(tensor.data()[i]) - other.data()[i]));
    }
    worst = std::max(worst, difference / reach);
  }
  return worst;
}

const Overrides kOneStep{"train.epochs=1", "train.max_steps_per_epoch=1", "optimizer.name=sgd",
                         "optimizer.lr=0.1"};

const std::vector<Overrides> kMethods{
    {"quant.method=none"},
    {"quant.method=ste", "quant.bits=4"},
    {"quant.method=affine", "quant.bits=4"},
    {"quant.method=affine", "quant.bits=4", "quant.affine.train_ranges=true"},
    {"quant.method=ab", "quant.bits=4"},
    {"quant.method=lsq", "quant.bits=4"},
    {"quant.method=lsq_plus", "quant.bits=4"},
    {"quant.method=tqt", "quant.bits=4"},
    {"quant.method=fat", "quant.bits=4"},
    {"quant.method=pact", "quant.bits=4", "quant.pact.init=max"},
    {"quant.method=noise", "quant.bits=4"},
    {"quant.method=ste", "quant.bits=1", "train.gradient_bits=6"},
    {"quant.method=tqt", "quant.bits=4", "quant.fold_batch_norm=true"},
    {"quant.method=tqt", "quant.bits=4", "calibration.batches=2", "calibration.batch_size=15",
     "calibration.activations=kl"},
    {"quant.method=none", "model.name=mobilenet_v2", "model.dropout=0.5"},
};

}  // namespace

TEST_CASE("ranks: N with a batch of b train as one process with a batch of N b") {
  for (const Overrides& method : kMethods) {
    CAPTURE(method);
    const Outcome whole = train_alone(with(with(method, kOneStep), {"train.batch_size=16"}));
    const Outcome parts = train_on_ranks(2, with(with(method, kOneStep), {"train.batch_size=8"}));
    CHECK(largest_difference(whole, parts) < 1e-3);
    CHECK(parts.rows[0].loss == doctest::Approx(whole.rows[0].loss).epsilon(1e-5));
    CHECK(parts.rows[0].train_top1 == whole.rows[0].train_top1);
    CHECK(parts.last.metadata.at("ranks") == "2");
    CHECK_FALSE(whole.last.metadata.contains("ranks"));
  }
}

TEST_CASE("ranks: the same bits from run to run, and after a stop that one rank requested") {
  const Overrides overrides{"quant.method=ab", "quant.bits=4", "train.batch_size=5",
                            "train.sync_batch_norm=false"};
  const Outcome once = train_on_ranks(3, overrides);
  CHECK(train_on_ranks(3, overrides).bytes == once.bytes);
  CHECK(train_on_ranks(3, overrides, 2).bytes == once.bytes);
}

TEST_CASE("ranks: a run resumes with as many as it began with") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  const auto begin = [&](int) {
    Run(small_experiment({"train.batch_size=8"}), folder).train(folder, [] { return true; });
  };
  ThreadRanks(2).run(begin);
  CHECK_THROWS_WITH_AS(Run(small_experiment({"train.batch_size=8"}), folder),
                       (folder.path().string() + ": expected the 2 ranks that the run began with "
                                                 "(mpirun -n 2), got 1")
                           .c_str(),
                       std::runtime_error);
}

TEST_CASE("ranks: a NaN loss on one rank ends the run on all, and the error names the rank") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  std::array<std::string, 2> messages;
  ThreadRanks(2).run([&](int rank) {
    Run run(small_experiment(
                {"train.batch_size=8", "quant.method=none", "train.sync_batch_norm=false"}),
            folder);
    if (rank == 1) {
      Tensor weight = run.network().parameters()[0].value.value();
      weight.data()[0] = std::nanf("");
    }
    try {
      run.train(folder, [] { return false; });
    } catch (const std::runtime_error& error) {
      messages[static_cast<std::size_t>(rank)] = error.what();
    }
  });
  for (const std::string& message : messages) {
    CHECK(message ==
          "epoch 1, step 1: rank 1: the loss is NaN; conv1 is the first layer whose output "
          "contains NaN "
          "or infinity; a smaller optimizer.lr may help; no checkpoint was written yet");
  }
}

TEST_CASE("ranks: weights that have drifted apart are named") {
  std::array<std::string, 2> messages;
  ThreadRanks(2).run([&](int rank) {
    Random random(1, "test");
    layers::Linear layer({.in_features = 3, .out_features = 2}, random);
    train::require_same_network(layer);
    Tensor weight = layer.weight().value();
    if (rank == 1) weight.data()[4] += 1e-6f;
    try {
      train::require_same_network(layer);
    } catch (const std::runtime_error& error) {
      messages[static_cast<std::size_t>(rank)] = error.what();
    }
  });
  for (const std::string& message : messages)
    CHECK(message.starts_with(
        "the network must be bit-identical on all ranks: rank 1: expected 'weight [2, 3] "));
}

TEST_CASE("ranks: all ranks quote the difference of a config from rank 0's") {
  std::array<std::string, 3> messages;
  ThreadRanks(3).run([&](int rank) {
    const std::string own = rank == 2 ? "a = 1\nb = 3\n" : "a = 1\nb = 2\n";
    try {
      train::require_same_run(own);
    } catch (const std::invalid_argument& error) {
      messages[static_cast<std::size_t>(rank)] = error.what();
    }
  });
  for (const std::string& message : messages) {
    CHECK(message ==
          "all ranks must have the same run: rank 2: expected 'b = 2' as on rank 0, got 'b = 3'");
  }
}

}  // namespace quench::experiments
