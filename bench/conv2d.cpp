#include "core/ops/conv2d.h"

#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "core/random.h"

// Times the convolutions of the networks in layers/models, each pass separately. The counter
// "flops" counts two operations per product, including zero padding, so that figures are comparable
// with oneDNN's.
namespace quench::bench {
namespace {

struct Layer {
  const char* name;
  Shape input, weight;
  Conv2dParams params;
};

constexpr Padding kSame3x3{.top = 1, .left = 1, .bottom = 1, .right = 1};

const std::array kLayers{
    Layer{"binarynet 1.0 3->128 32x32", {64, 3, 32, 32}, {128, 3, 3, 3}, {.padding = kSame3x3}},
    Layer{
        "binarynet 1.0 128->128 32x32", {64, 128, 32, 32}, {128, 128, 3, 3}, {.padding = kSame3x3}},
    Layer{
        "binarynet 1.0 128->256 16x16", {64, 128, 16, 16}, {256, 128, 3, 3}, {.padding = kSame3x3}},
    Layer{
        "binarynet 1.0 256->256 16x16", {64, 256, 16, 16}, {256, 256, 3, 3}, {.padding = kSame3x3}},
    Layer{"binarynet 1.0 256->512 8x8", {64, 256, 8, 8}, {512, 256, 3, 3}, {.padding = kSame3x3}},
    Layer{"binarynet 1.0 512->512 8x8", {64, 512, 8, 8}, {512, 512, 3, 3}, {.padding = kSame3x3}},
    Layer{"binarynet 0.25 3->32 32x32", {128, 3, 32, 32}, {32, 3, 3, 3}, {.padding = kSame3x3}},
    Layer{"binarynet 0.25 32->32 32x32", {128, 32, 32, 32}, {32, 32, 3, 3}, {.padding = kSame3x3}},
    Layer{"binarynet 0.25 64->64 16x16", {128, 64, 16, 16}, {64, 64, 3, 3}, {.padding = kSame3x3}},
    Layer{"binarynet 0.25 128->128 8x8", {128, 128, 8, 8}, {128, 128, 3, 3}, {.padding = kSame3x3}},
    Layer{"mobilenet_v1 0.5 16->32 1x1 32x32", {128, 16, 32, 32}, {32, 16, 1, 1}, {}},
    Layer{"mobilenet_v1 0.5 64->64 1x1 32x32", {128, 64, 32, 32}, {64, 64, 1, 1}, {}},
    Layer{"mobilenet_v1 0.5 128->128 1x1 16x16", {128, 128, 16, 16}, {128, 128, 1, 1}, {}},
    Layer{"mobilenet_v1 0.5 256->256 1x1 4x4", {128, 256, 4, 4}, {256, 256, 1, 1}, {}},
    Layer{"mobilenet_v1 0.25 3->8 s2 128x128",
          {32, 3, 128, 128},
          {8, 3, 3, 3},
          {.stride = {2, 2}, .padding = kSame3x3}},
    Layer{"mobilenet_v1 0.5 3->16 32x32", {128, 3, 32, 32}, {16, 3, 3, 3}, {.padding = kSame3x3}},
    Layer{"mobilenet_v1 0.25 depthwise 8 64x64",
          {32, 8, 64, 64},
          {8, 1, 3, 3},
          {.padding = kSame3x3, .groups = 8}},
    Layer{"mobilenet_v1 0.5 depthwise 16 32x32",
          {128, 16, 32, 32},
          {16, 1, 3, 3},
          {.padding = kSame3x3, .groups = 16}},
    Layer{"mobilenet_v1 0.5 depthwise 64 s2 32x32",
          {128, 64, 32, 32},
          {64, 1, 3, 3},
          {.stride = {2, 2}, .padding = kSame3x3, .groups = 64}},
    Layer{"mobilenet_v1 0.5 depthwise 64 32x32",
          {128, 64, 32, 32},
          {64, 1, 3, 3},
          {.padding = kSame3x3, .groups = 64}},
    Layer{"mobilenet_v1 0.5 depthwise 128 16x16",
          {128, 128, 16, 16},
          {128, 1, 3, 3},
          {.padding = kSame3x3, .groups = 128}},
    Layer{"mobilenet_v1 0.5 depthwise 512 2x2",
          {128, 512, 2, 2},
          {512, 1, 3, 3},
          {.padding = kSame3x3, .groups = 512}},
};

Tensor random_tensor(const Shape& shape) {
  Random random(1, "bench");
  Tensor tensor(shape);
  for (float& value : tensor.span()) value = random.uniform(-1.0f, 1.0f);
  return tensor;
}

void count_flops(benchmark::State& state, const Layer& layer) {
  const Shape output = conv2d_output_shape(layer.input, layer.weight, layer.params);
  const std::int64_t products = output.numel() * layer.weight.numel() / layer.weight[0];
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(products),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, const Layer& layer) {
  PreparedConv2d conv(layer.params);
  const Tensor input = random_tensor(layer.input);
  Tensor weight = random_tensor(layer.weight);
  for (auto _ : state) {
    weight.bump_version();  // as in training, where each step changes the weight's layout again
    benchmark::DoNotOptimize(conv.forward(input, weight));
  }
  count_flops(state, layer);
}

void backward_data(benchmark::State& state, const Layer& layer) {
  PreparedConv2d conv(layer.params);
  const Tensor weight = random_tensor(layer.weight);
  const Tensor grad_output =
      random_tensor(conv2d_output_shape(layer.input, layer.weight, layer.params));
  for (auto _ : state)
    benchmark::DoNotOptimize(conv.backward_data(grad_output, weight, layer.input));
  count_flops(state, layer);
}

void backward_weights(benchmark::State& state, const Layer& layer) {
  PreparedConv2d conv(layer.params);
  const Tensor input = random_tensor(layer.input);
  const Tensor grad_output =
      random_tensor(conv2d_output_shape(layer.input, layer.weight, layer.params));
  for (auto _ : state)
    benchmark::DoNotOptimize(conv.backward_weights(input, grad_output, layer.weight));
  count_flops(state, layer);
}

}  // namespace
}  // namespace quench::bench

int main(int argc, char** argv) {
  using namespace quench::bench;
  for (const Layer& layer : kLayers) {
    const std::string name = layer.name;
    for (const auto& [pass, run] : {std::pair{"forward", &forward},
                                    {"backward_data", &backward_data},
                                    {"backward_weights", &backward_weights}}) {
      benchmark::RegisterBenchmark((name + "/" + pass).c_str(), run, layer)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
