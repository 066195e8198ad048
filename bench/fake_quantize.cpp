// What quantization costs a training step: forward and backward of every registered strategy beside a
// copy of the bytes that the two must move: forward reads x and writes y, backward reads g, writes
// dL/dx and, where the gradient depends on x, reads x or a mask. The copy is measured in the same
// process, right before each line, since others may use the machine.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <vector>

#include "autograd/node.h"
#include "core/parallel.h"
#include "core/random.h"
#include "quant/registry.h"

namespace {

using namespace quench;
using namespace quench::quant;

constexpr int kRounds = 7;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The median of several, each of enough repetitions to last some milliseconds.
double median_seconds(const std::function<void()>& work) {
  const double once = seconds_of(work);
  const int repetitions = std::clamp(static_cast<int>(5e-3 / once), 1, 100);
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    times.push_back(seconds_of([&] {
                      for (int i = 0; i < repetitions; ++i) work();
                    }) /
                    repetitions);
  }
  std::ranges::nth_element(times, times.begin() + kRounds / 2);
  return times[kRounds / 2];
}

/// Bytes per second read and written by copies of a tensor.
double copy_speed(const Tensor& x) {
  const auto copy = [&x] {
    Tensor y(x.shape());
    const float* from = x.data();
    float* to = y.data();
    parallel_for(x.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
      std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
    });
  };
  return 2.0 * static_cast<double>(x.bytes()) / median_seconds(copy);
}

/// Lets a gradient into the tape as a loss would, and nothing else.
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

/// What forward and backward must move per element: x, y, g, dL/dx, and for the gradient of a trained
/// value x again, else at most a mask of one byte.
double bytes_per_element(Quantizer& quantizer) {
  return 4.0 * sizeof(float) + (quantizer.parameters().empty() ? 1.0 : sizeof(float));
}

void measure(const std::string& name, const QuantizerSpec& spec, const Tensor& x,
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
  const double copy = copy_speed(x);
  const double bytes = bytes_per_element(*quantizer) * static_cast<double>(x.numel());
  const double speed = bytes / median_seconds(pass);
  fmt::print("{:<12} {:<10} {} bits  {:>7.1f} MiB  {} threads  {:>6.2f} GB/s  {:>4.0f} % of copy\n",
             name, spec.role == Role::weight ? "weight" : "activation", spec.bits,
             static_cast<double>(x.bytes()) / (1 << 20), num_threads(), speed / 1e9,
             100.0 * speed / copy);
}

void measure_all(const Tensor& x, const Tensor& gradient) {
  for (const StrategyInfo& info : registered_quantizers()) {
    for (const Role role : {Role::weight, Role::activation}) {
      for (const int bits : {1, 4}) {
        const BitRange range = info.bits(role);
        if (bits < range.min || bits > range.max || info.name == "none") continue;
        measure(info.name, {.role = role, .bits = bits, .slot = info.name}, x, gradient);
      }
    }
  }
}

}  // namespace

int main() {
  flush_denormals();
  // Beyond any cache, and a layer's.
  for (const Shape& shape : {Shape{64, 256, 32, 32}, Shape{128, 384, 3, 3}}) {
    const Tensor x = random_values(shape), gradient = random_values(shape);
    for (const int threads : {1, 2}) {
      set_num_threads(threads);
      measure_all(x, gradient);
    }
  }
}
