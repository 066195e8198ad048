// Training with batch norm folded into the quantized layers: quant.fold_batch_norm and
// quant.fold_freeze_epoch.
#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/run.h"
#include "experiments/runs/small_run.h"
#include "layers/batch_norm.h"

namespace quench::experiments {
namespace {

const Overrides kFolded{"quant.method=ste", "quant.bits=4", "quant.fold_batch_norm=true"};

TEST_CASE("fold_batch_norm: resumed before and after the freeze, the same bits as in one go") {
  const std::string whole = checkpoint_of(kFolded);
  for (const std::int64_t stop : {2, 4, 5, 7}) {
    CAPTURE(stop);
    CHECK(checkpoint_of(kFolded, stop) == whole);
  }
  CHECK(checkpoint_of(with(kFolded, "quant.fold_freeze_epoch=-1")) != whole);
  CHECK(checkpoint_of({"quant.method=ste", "quant.bits=4"}) != whole);
}

TEST_CASE("fold_freeze_epoch: folded statistics are frozen from that epoch on, others are not") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment(kFolded), folder);
  std::vector<std::vector<float>> after_first;
  std::int64_t step = 0;
  run.train(folder, [&] {
    if (++step == 4) {
      for (layers::BatchNorm* norm : layers::batch_norms(run.network()))
        after_first.push_back(norm->running_mean().to_row_major());
    }
    return false;
  });
  const auto norms = layers::batch_norms(run.network());
  REQUIRE(after_first.size() == norms.size());
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const std::string& name = norms[i]->name();
    CAPTURE(name);
    const bool behind_pool = name == "bn2" || name == "bn4" || name == "bn6";
    CHECK((norms[i]->running_mean().to_row_major() == after_first[i]) == !behind_pool);
  }
}

TEST_CASE("fold_batch_norm: a folded run learns; other methods resume bit-exactly") {
  const Overrides ab{"quant.method=ab", "quant.bits=4", "quant.fold_batch_norm=true"};
  CHECK(checkpoint_of(ab) == checkpoint_of(ab, 5));

  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run(small_experiment(with(kFolded, "train.epochs=4")), folder).train(folder, [] {
    return false;
  });
  const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
  REQUIRE(rows.size() == 4);
  CHECK(rows.back().loss < 0.8 * rows.front().loss);
}

TEST_CASE("fold_batch_norm: a misspelt or impossible key is rejected by name") {
  CHECK_THROWS_WITH_AS(Run(small_experiment({"quant.fold_batchnorm=true"})),
                       doctest::Contains("fold_batch_norm"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Run(small_experiment({"quant.fold_freeze_epoch=-2"})),
                       doctest::Contains("quant.fold_freeze_epoch"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::experiments
