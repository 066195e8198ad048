// Measures the cost of quantization in a training step: forward and backward of every registered
// strategy, or of those named on the command line, compared with a copy of the bytes that both must
// move: forward reads x and writes y, backward reads g, writes dL/dx and reads the data that the
// gradient depends on (x, or a one-byte mask). Not counted: writing the mask, reading x to find its
// range or scale (ab sorts the weights), and drawing random numbers.
//
// The first tensor exceeds all caches and shows memory-bound speed. The second, as large as a
// layer's weight, stays in the cache; there a copy is several times as fast, and the arithmetic
// dominates.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "autograd/node.h"
#include "core/parallel.h"
#include "core/random.h"
#include "quant/registry.h"

namespace {

using namespace quench;
using namespace quench::quant;

constexpr int kRounds = 9;

double seconds_of(const std::function<void()>& work, int repetitions) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
         repetitions;
}

/// Repeats for a few milliseconds.
int repetitions_of(const std::function<void()>& work) {
  return std::clamp(static_cast<int>(5e-3 / seconds_of(work, 1)), 1, 100);
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + kRounds / 2);
  return values[kRounds / 2];
}

void copy(const Tensor& x) {
  Tensor y(x.shape());
  const float* from = x.data();
  float* to = y.data();
  parallel_for(x.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
  });
}

/// Feeds a gradient into the tape, like a loss, and does nothing else.
struct Upstream final : Node {
  Tensor gradient;
  explicit Upstream(Tensor gradient_in) : gradient(std::move(gradient_in)) {}
  std::string_view name() const override { return "upstream"; }
  std::vector<Tensor> backward(const Tensor&) const override { return {gradient}; }
};

Tensor random_values(const Shape& shape) {
  Tensor x(shape);
  Random random(1, "bench");
  for (float& value : x.span()) value = random.normal();
  return x;
}

/// Bytes that forward and backward must move per element: x, y, g, dL/dx, and x again for the
/// gradient of a trained value, else at most a one-byte mask.
double bytes_per_element(Quantizer& quantizer) {
  return 4.0 * sizeof(float) + (quantizer.parameters().empty() ? 1.0 : sizeof(float));
}

void measure(const std::string& name, const SlotSpec& spec, const Tensor& x,
             const Tensor& gradient) {
  const auto quantizer = make_quantizer(name, spec);
  quantizer->begin_training({.total_steps = 100, .steps_per_epoch = 100});
  // Halfway, where alpha-blending does all its work.
  for (std::int64_t step = 0; step < 50; ++step) quantizer->step(step);
  const auto pass = [&] {
    const Variable leaf(x, true);
    const Variable y = quantizer->forward(leaf);
    if (!y.requires_grad()) return;
    record<Upstream>({y}, Tensor::scalar(0.0f), gradient).backward();
  };
  const auto copy_once = [&] { copy(x); };
  const double pass_bytes = bytes_per_element(*quantizer) * static_cast<double>(x.numel());
  const double copy_bytes = 2.0 * static_cast<double>(x.bytes());
  const int passes = repetitions_of(pass), copies = repetitions_of(copy_once);
  // Alternating, with a ratio per turn, because other programs may use the machine.
  std::vector<double> speeds, shares;
  for (int round = 0; round < kRounds; ++round) {
    speeds.push_back(pass_bytes / seconds_of(pass, passes));
    shares.push_back(speeds.back() / (copy_bytes / seconds_of(copy_once, copies)));
  }
  fmt::print("{:<12} {:<10} {} bits  {:>7.1f} MiB  {} threads  {:>6.2f} GB/s  {:>4.0f} % of copy\n",
             name, spec.role == Role::weight ? "weight" : "activation", spec.bits,
             static_cast<double>(x.bytes()) / (1 << 20), num_threads(), median(speeds) / 1e9,
             100.0 * median(shares));
}

void measure_all(const Tensor& x, const Tensor& gradient, std::span<char* const> names) {
  for (const StrategyInfo& info : registered_quantizers()) {
    if (info.name == "none") continue;
    if (!names.empty() && std::ranges::find(names, std::string_view(info.name)) == names.end())
      continue;
    for (const Role role : {Role::weight, Role::activation}) {
      for (const int bits : {1, 2, 4, 8}) {
        const BitRange range = info.bits(role);
        if (bits < range.min || bits > range.max) continue;
        measure(info.name, {.role = role, .bits = bits, .slot = info.name}, x, gradient);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char* const> names(argv + 1, static_cast<std::size_t>(argc - 1));
  flush_denormals();
  // Larger than any cache; and a layer's weight.
  for (const Shape& shape : {Shape{64, 256, 32, 32}, Shape{128, 384, 3, 3}}) {
    const Tensor x = random_values(shape), gradient = random_values(shape);
    for (const int threads : {1, 2}) {
      set_num_threads(threads);
      measure_all(x, gradient, names);
    }
  }
}
