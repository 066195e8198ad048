// Parts of a network that are frozen while the rest trains: optimizer.train, train.bn_freeze_epoch;
// and the restarts of a schedule.
#include <doctest/doctest.h>

#include <map>
#include <stdexcept>

#include "core/safetensors.h"
#include "experiments/run.h"
#include "experiments/runs/small_run.h"
#include "layers/batch_norm.h"
#include "train/optimizer.h"

namespace quench::experiments {
namespace {

using Values = std::map<std::string, std::vector<float>>;

Values values_of(layers::Module& network) {
  Values result;
  for (const layers::Parameter& parameter : network.parameters()) {
    result[parameter.name] = parameter.value.value().to_row_major();
  }
  for (const layers::Buffer& buffer : network.buffers())
    result[buffer.name] = buffer.value.to_row_major();
  return result;
}

TEST_CASE("optimizer.train: unlisted parameters are frozen and have no moments") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment({"optimizer.train=['norm']", "quant.method=ste"}));
  const Values before = values_of(run.network());
  run.train(folder, [] { return false; });
  const Values after = values_of(run.network());
  for (const layers::Parameter& parameter : run.network().parameters()) {
    CAPTURE(parameter.name);
    const bool moved = before.at(parameter.name) != after.at(parameter.name);
    CHECK(moved == (parameter.kind == layers::ParameterKind::norm));
    CHECK(parameter.value.grad().defined() == (parameter.kind == layers::ParameterKind::norm));
  }
  const TensorFile file = read_safetensors(folder.last());
  CHECK(file.tensors.contains("bn1.weight"));
  CHECK(file.tensors.contains("optimizer.bn1.weight.steps"));
  CHECK(file.tensors.contains("conv1.weight"));
  CHECK_FALSE(file.tensors.contains("optimizer.conv1.weight.steps"));
}

TEST_CASE("optimizer.train: only thresholds, as in FAT, changes nothing in the float network") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment({"optimizer.train=['quantizer']", "train.bn_freeze_epoch=0",
                            "quant.method=lsq", "quant.bits=4"}));
  const Values before = values_of(run.network());
  run.train(folder, [] { return false; });
  const Values after = values_of(run.network());
  for (const layers::Buffer& buffer : run.network().buffers()) {
    CAPTURE(buffer.name);
    CHECK(after.at(buffer.name) == before.at(buffer.name));
  }
  for (const layers::Parameter& parameter : run.network().parameters()) {
    CAPTURE(parameter.name);
    const bool moved = before.at(parameter.name) != after.at(parameter.name);
    CHECK(moved == (parameter.kind == layers::ParameterKind::quantizer));
  }
  const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
  CHECK(rows[0].top1_float == rows[1].top1_float);
}

TEST_CASE("optimizer.train: a network without a parameter of these kinds is an error") {
  CHECK_THROWS_WITH_AS(
      Run(small_experiment({"optimizer.train=['quantizer']"})),
      "optimizer.train: expected kinds of parameters that the network has, got [quantizer]",
      std::invalid_argument);
}

TEST_CASE("bn_freeze_epoch: running statistics stay, and they normalize, while the gain trains") {
  for (const std::int64_t first : {0, 1}) {
    CAPTURE(first);
    const TemporaryFolder parent;
    const RunFolder folder = RunFolder::create_at(parent / "run");
    Run run(small_experiment({"train.bn_freeze_epoch=" + std::to_string(first)}));
    Values frozen = values_of(run.network());
    std::int64_t step = 0;
    run.train(folder, [&] {
      // Four steps an epoch.
      if (++step == 4 * first) frozen = values_of(run.network());
      return false;
    });
    const Values after = values_of(run.network());
    for (const layers::Buffer& buffer : run.network().buffers()) {
      CAPTURE(buffer.name);
      CHECK(after.at(buffer.name) == frozen.at(buffer.name));
    }
    CHECK(after.at("bn1.weight") != frozen.at("bn1.weight"));
    for (layers::BatchNorm* norm : layers::batch_norms(run.network()))
      CHECK_FALSE(norm->training());
  }
}

TEST_CASE("bn_freeze_epoch, restarts: interrupted and resumed, the same bits") {
  const Overrides frozen{"train.bn_freeze_epoch=1", "quant.method=ste", "quant.bits=4"};
  CHECK(checkpoint_of(frozen) != checkpoint_of({"quant.method=ste", "quant.bits=4"}));
  const Overrides restarts{"schedule.name=fat", "schedule.restart_steps=3"};
  for (const Overrides& overrides : {frozen, restarts}) {
    const std::string whole = checkpoint_of(overrides);
    for (const std::int64_t stop : {3, 4, 6}) CHECK(checkpoint_of(overrides, stop) == whole);
  }
}

TEST_CASE("restarts: the optimizer restarts its step count") {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  Run run(small_experiment({"schedule.name=cosine_restarts", "schedule.restart_steps=3"}));
  run.train(folder, [] { return false; });
  const TensorFile file = read_safetensors(folder.last());
  // Eight steps, with restarts before those of index 3 and 6.
  CHECK(*file.tensors.at("optimizer.conv1.weight.steps").data<std::int32_t>() == 2);
}

}  // namespace
}  // namespace quench::experiments
