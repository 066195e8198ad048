#include "bench/train_step.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "core/allocator.h"
#include "core/error.h"
#include "core/random.h"
#include "layers/loss.h"
#include "layers/models/registry.h"
#include "layers/quantize.h"
#include "layers/trace.h"
#include "train/optimizer.h"

namespace quench::bench {
namespace {

constexpr std::int64_t kClasses = 10;
constexpr int kWarmUpSteps = 2;

std::unique_ptr<Module> make_network(const TrainStepCase& step_case) {
  Random random(0, "initialization");
  Settings model = Settings::from({{"width", step_case.width}});
  auto network = models::make_model(step_case.model, model, {.classes = kClasses}, random);
  const Settings one_bit = Settings::from({{"bits", 1}});
  const Settings real_input =
      Settings::from({{"activation", Settings::from({{"method", "none"}})}});
  quantize(*network, quant::Policy(Settings::from({{"method", step_case.method},
                                                   {"weight", one_bit},
                                                   {"activation", one_bit},
                                                   {"first_layer", real_input}})));
  return network;
}

Tensor random_images(std::int64_t batch) {
  Random random(0, "images");
  Tensor images({batch, 3, 32, 32});
  std::ranges::generate(images.span(), [&] { return random.uniform(-2.0f, 2.0f); });
  return images;
}

Tensor random_labels(std::int64_t batch) {
  Random random(0, "labels");
  Tensor labels({batch}, DType::s32);
  std::ranges::generate(labels.span<std::int32_t>(),
                        [&] { return static_cast<std::int32_t>(random.below(kClasses)); });
  return labels;
}

std::size_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

std::size_t huge_page_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string key; rollup >> key;) {
    std::size_t kib = 0;
    if (key == "AnonHugePages:" && rollup >> kib) return kib * 1024;
  }
  return 0;
}

/// Multiply-accumulates per image in the three passes of every layer, less the input gradient that
/// the first layer does not need.
double training_macs(Module& network) {
  const std::vector<LayerTrace> layers = trace_layers(network, {1, 3, 32, 32});
  double macs = -static_cast<double>(layers.front().macs);
  for (const LayerTrace& layer : layers) macs += 3.0 * static_cast<double>(layer.macs);
  return macs;
}

}  // namespace

TrainStepResult time_train_step(const TrainStepCase& step_case) {
  require(step_case.steps >= 1 && step_case.batch >= 1,
          "bench train: expected batch and steps >= 1, got {} and {}", step_case.batch,
          step_case.steps);
  const auto network = make_network(step_case);
  const auto optimizer = train::make_optimizer(
      {.name = step_case.optimizer, .momentum = step_case.optimizer == "sgd" ? 0.9f : 0.0f},
      network->parameters());
  const Loss loss = make_loss({});
  const Tensor images = random_images(step_case.batch), labels = random_labels(step_case.batch);
  TrainStepResult result;
  result.flops = 2.0 * training_macs(*network) * static_cast<double>(step_case.batch);

  reset_allocator_peak();
  std::vector<double> seconds;
  std::uint64_t warm_allocations = 0;
  for (int step = 0; step < kWarmUpSteps + step_case.steps; ++step) {
    if (step == kWarmUpSteps) warm_allocations = allocator_stats().system_allocations;
    const auto start = std::chrono::steady_clock::now();
    optimizer->zero_grad();
    loss((*network)(Variable(images)), labels).backward();
    optimizer->step(1e-3f);
    if (step >= kWarmUpSteps) {
      seconds.push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  }
  std::ranges::sort(seconds);
  result.median_seconds = seconds[seconds.size() / 2];
  result.best_seconds = seconds.front();
  result.images_per_second = static_cast<double>(step_case.batch) / result.median_seconds;
  result.tensor_bytes = allocator_stats().peak_bytes_in_use;
  result.resident_bytes = peak_resident_bytes();
  result.huge_page_bytes = huge_page_bytes();
  result.late_allocations = allocator_stats().system_allocations - warm_allocations;
  return result;
}

}  // namespace quench::bench
