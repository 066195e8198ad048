// Times the memory-bound operations of a training step. bytes_per_second counts the bytes that an
// operation must read and write; compare it with BM_copy, which moves the same bytes.
#include <benchmark/benchmark.h>

#include <cstring>

#include "core/ops/batch_norm.h"
#include "core/ops/elementwise.h"
#include "core/ops/pool.h"
#include "core/parallel.h"

namespace {

using namespace quench;

/// The largest activation of BinaryNet at width 1.0, batch 64.
const Shape kShape{64, 128, 32, 32};

void count_bytes(benchmark::State& state, std::int64_t tensors) {
  state.SetBytesProcessed(state.iterations() * tensors * kShape.numel() *
                          std::int64_t{sizeof(float)});
}

void BM_copy(benchmark::State& state) {
  const Tensor x = Tensor::full(kShape, 0.5f);
  Tensor y(kShape);
  for (auto _ : state) {
    const float* from = x.data();
    float* to = y.data();
    parallel_for(x.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
      std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
    });
  }
  count_bytes(state, 2);
}
BENCHMARK(BM_copy)->UseRealTime();

void BM_sign(benchmark::State& state) {
  const Tensor x = Tensor::full(kShape, 0.5f);
  for (auto _ : state) benchmark::DoNotOptimize(sign(x));
  count_bytes(state, 2);
}
BENCHMARK(BM_sign)->UseRealTime();

void BM_add(benchmark::State& state) {
  const Tensor x = Tensor::full(kShape, 0.5f);
  for (auto _ : state) benchmark::DoNotOptimize(add(x, x));
  count_bytes(state, 2);
}
BENCHMARK(BM_add)->UseRealTime();

void BM_max_pool2d(benchmark::State& state) {
  const Tensor x = Tensor::full(kShape, 0.5f);
  for (auto _ : state)
    benchmark::DoNotOptimize(max_pool2d(x, {.kernel = {2, 2}, .stride = {2, 2}}));
  count_bytes(state, 1);
}
BENCHMARK(BM_max_pool2d)->UseRealTime();

void BM_batch_norm_train(benchmark::State& state) {
  const Tensor x = Tensor::full(kShape, 0.5f);
  Tensor mean = Tensor::zeros({128}), var = Tensor::full({128}, 1.0f);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        batch_norm_train(x, {}, {}, mean, var, {.activation = Activation::hardtanh}).output.data());
  }
  count_bytes(state, 3);
}
BENCHMARK(BM_batch_norm_train)->UseRealTime();

void BM_batch_norm_train_backward(benchmark::State& state) {
  const Tensor x = Tensor::full(kShape, 0.5f);
  const BatchNormInputs inputs{
      .x = x,
      .statistics = {.mean = Tensor::zeros({128}), .inv_std = Tensor::full({128}, 1.0f)},
      .activation = Activation::hardtanh};
  for (auto _ : state) benchmark::DoNotOptimize(batch_norm_train_backward(x, inputs).x.data());
  count_bytes(state, 5);
}
BENCHMARK(BM_batch_norm_train_backward)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
