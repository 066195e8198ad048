#include "experiments/runs/run_difference.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/safetensors.h"
#include "temporary_folder.h"

namespace quench::experiments {
namespace {

EpochMetrics epoch(std::int64_t number) {
  return {.row = {.epoch = number, .step = 4, .loss = 0.5, .seconds = 1.0},
          .wall_time = 1.0,
          .layers = {{"conv1.weight", {{"scale", 0.25}, {"sign_flips", NAN}}}}};
}

TEST_CASE("run difference: times may differ; the first other difference is named") {
  std::vector<EpochMetrics> a{epoch(1), epoch(2)}, b = a;
  b[0].row.seconds = b[0].row.images_per_second = b[0].row.data_wait_s = b[0].wall_time = 9.0;
  CHECK_FALSE(first_difference(a, b));
  b[1].layers[0].values[0].second = 0.5;
  CHECK(first_difference(a, b) == "epoch 2: conv1.weight: scale: 0.25 and 0.5");
  b[1].row.loss = 0.75;
  CHECK(first_difference(a, b) == "epoch 2: loss: 0.5 and 0.75");
  CHECK_FALSE(first_difference(a, {b[0]}));  // only common epochs count
  b[0].layers.clear();
  CHECK(first_difference(a, b) == "epoch 2: loss: 0.5 and 0.75");
}

TEST_CASE("run difference: for tensors, how many elements and by how much; bytes decide") {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors["a"] = Tensor::from_row_major<float>({4}, {1.0f, 2.0f, NAN, 0.0f});
  file.tensors["b"] = Tensor::from_row_major<float>({2}, {1.0f, 2.0f});
  write_safetensors(folder / "1", file);
  CHECK(different_tensors(folder / "1", folder / "1").empty());
  file.tensors["a"] = Tensor::from_row_major<float>({4}, {1.0f, 2.5f, NAN, -0.0f});
  file.tensors["b"] = Tensor::zeros({3});
  file.tensors["c"] = Tensor::zeros({1});
  write_safetensors(folder / "2", file);
  CHECK(different_tensors(folder / "1", folder / "2") ==
        std::vector<std::string>{"a: 2 of 4 elements, by at most 0.5", "b: f32 [2] and f32 [3]",
                                 "c: only in " + (folder / "2").string()});
}

TEST_CASE("run difference: versions that may explain it") {
  Versions then{.commit = "abc", .cpu = "X", .threads = 2, .seed = 1}, now = then;
  now.seed = 2;
  now.command_line = {"other"};
  CHECK(different_versions(then, now).empty());
  now.commit = "def";
  now.threads = 4;
  CHECK(different_versions(then, now) ==
        std::vector<std::string>{"commit: then abc, now def", "threads: then 2, now 4"});
}

}  // namespace
}  // namespace quench::experiments
