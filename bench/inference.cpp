#include "bench/inference.h"

#include <algorithm>
#include <cmath>

#include "bench/fused_network.h"
#include "layers/graph.h"
#include "support/progress.h"

namespace quench::bench {
namespace {

std::int64_t milliseconds(double seconds) { return std::llround(1e3 * seconds); }

/// The times of repeated runs, after a few runs to warm up caches and the memory pool.
template <typename Run>
std::vector<double> times_of(Run run, double seconds) {
  constexpr int kWarmUpRuns = 3;
  constexpr std::size_t kFewestRuns = 7;
  for (int i = 0; i < kWarmUpRuns; ++i) run();
  std::vector<double> times;
  progress_bar().begin("inference", milliseconds(seconds));
  for (double total = 0.0; total < seconds || times.size() < kFewestRuns; total += times.back()) {
    times.push_back(seconds_of(run));
    progress_bar().advance_to(milliseconds(total));
  }
  return times;
}

}  // namespace

InferenceResult time_inference(const InferenceCase& inference_case) {
  const auto network = make_network(inference_case.network);
  network->set_training(false);
  const Tensor images = random_images(inference_case.network, inference_case.batch);
  FusedNetwork fused(*network);
  std::vector<double> times = times_of([&] { fused(images); }, inference_case.seconds);
  InferenceResult result;
  result.runs = static_cast<int>(times.size());
  result.best_seconds = *std::ranges::min_element(times);
  result.median_seconds = median(std::move(times));
  const auto unfused = [&] {
    const NoGradGuard no_grad;
    (*network)(Variable(images));
  };
  result.unfused_seconds = median(times_of(unfused, inference_case.seconds));
  for (const layers::LayerTrace& layer : layers::trace_layers(*network, images.shape().with(0, 1)))
    result.macs += static_cast<double>(layer.macs);
  return result;
}

}  // namespace quench::bench
