#include "bench/train_step.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peaks.h"
#include "core/allocator.h"
#include "core/communicator.h"
#include "core/parallel.h"
#include "core/random.h"
#include "layers/attach_quantizers.h"
#include "layers/batch_norm.h"
#include "layers/graph.h"
#include "layers/loss.h"
#include "layers/quantized_layer.h"
#include "quant/registry.h"
#include "support/error.h"
#include "support/progress.h"
#include "train/optimizer.h"
#include "train/rank_average.h"

namespace quench::bench {
namespace {

constexpr int kWarmUpSteps = 2;
constexpr std::int64_t kStepsBefore = 50;  // halfway, where alpha-blending does its full work

/// The fewest bits of a method in a role, or of its partner if it does not support the role; 0: not
/// quantized.
int fewest_bits(const std::string& method, quant::Role role) {
  const quant::StrategyInfo& info = quant::find_strategy(method, "bench train").info;
  if (info.has(role)) return method == "none" ? 0 : info.bits(role).min;
  return fewest_bits(info.partner, role);
}

/// The bits of weights or activations; 0: not quantized.
int bits_of(const TrainStepCase& step_case, quant::Role role) {
  const int fewest = fewest_bits(step_case.method, role);
  return fewest == 0 || step_case.bits == 0 ? fewest : step_case.bits;
}

std::unique_ptr<layers::Module> make_quantized_network(const TrainStepCase& step_case) {
  auto network = make_network(step_case.network);
  const auto at_bits = [&](quant::Role role) {
    return Settings::from({{"bits", std::max(bits_of(step_case, role), 1)}});
  };
  const Settings real_input =
      Settings::from({{"activation", Settings::from({{"method", "none"}})}});
  layers::attach_quantizers(
      *network, quant::Policy(Settings::from({{"method", step_case.method},
                                              {"weight", at_bits(quant::Role::weight)},
                                              {"activation", at_bits(quant::Role::activation)},
                                              {"first_layer", real_input}})));
  for (layers::QuantizedLayer* layer : network->quantized_layers()) {
    layer->set_precision(step_case.precision);
    layer->set_integer_forward(step_case.integer_forward);
  }
  layers::for_each_quantizer(*network, [&](quant::Quantizer& quantizer) {
    quantizer.begin_training({.total_steps = 2 * kStepsBefore,
                              .steps_per_epoch = 2 * kStepsBefore,
                              .adaptive_optimizer = step_case.optimizer != "sgd"});
    for (std::int64_t step = 0; step < kStepsBefore; ++step) quantizer.step(step);
  });
  return network;
}

Tensor random_labels(const TrainStepCase& step_case) {
  Random random(0, "labels");
  Tensor labels({step_case.batch}, DType::s32);
  const auto below = static_cast<std::uint32_t>(input_of(step_case.network).classes);
  std::ranges::generate(labels.span<std::int32_t>(),
                        [&] { return static_cast<std::int32_t>(random.below(below)); });
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

/// The rates of each kind of product, measured once.
class Peaks {
 public:
  double of(std::string_view arithmetic) {
    double& rate = rates_[std::string(arithmetic)];
    if (rate == 0.0) {
      const int threads = num_threads();
      rate = arithmetic == "float32"    ? measured_fma_peak(threads)
             : arithmetic == "bfloat16" ? measured_bfloat16_peak(threads)
                                        : measured_kernel_peak(arithmetic, threads);
    }
    return rate;
  }

 private:
  std::map<std::string, double> rates_;
};

/// The time of a step's products at the peak of their instructions, in seconds. The first layer needs no gradient of its
/// input; taps on padding count.
double seconds_at_peak(layers::Module& network, const Shape& images, Precision precision) {
  static Peaks peaks;
  const std::vector<layers::LayerTrace> traces = layers::trace_layers(network, images.with(0, 1));
  double seconds = 0.0;
  bool first = true;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    const auto trace = std::ranges::find(traces, layer->name(), &layers::LayerTrace::name);
    if (trace == traces.end()) continue;
    const double operations = 2.0 * static_cast<double>(trace->macs * images[0]);
    const bool bfloat16 = precision == Precision::bfloat16 && layer->takes_bfloat16() &&
                          layer->arithmetic() != "float32";
    seconds += operations / peaks.of(layer->arithmetic()) +
               (first ? 1.0 : 2.0) * operations / peaks.of(bfloat16 ? "bfloat16" : "float32");
    first = false;
  }
  return seconds;
}

/// A network during training.
class Training {
 public:
  explicit Training(const TrainStepCase& step_case)
      : network_(make_quantized_network(step_case)),
        optimizer_(train::make_optimizer(
            {.name = step_case.optimizer, .momentum = step_case.optimizer == "sgd" ? 0.9f : 0.0f},
            network_->parameters())),
        average_(*network_),
        loss_(layers::make_loss({})),
        images_(random_images(step_case.network, step_case.batch)),
        labels_(random_labels(step_case)) {
    for (layers::BatchNorm* norm : layers::batch_norms(*network_)) norm->set_synchronized(true);
  }

  layers::Module& network() { return *network_; }
  const Shape& images() const { return images_.shape(); }
  const train::RankAverage& average() const { return average_; }
  double seconds_of_step() {
    return seconds_of([this] {
      optimizer_->zero_grad();
      average_.backward(loss_((*network_)(Variable(images_)), labels_));
      optimizer_->step(1e-3f);
    });
  }
  void warm_up() {
    for (int step = 0; step < kWarmUpSteps; ++step) seconds_of_step();
  }

 private:
  std::unique_ptr<layers::Module> network_;
  std::unique_ptr<train::Optimizer> optimizer_;
  train::RankAverage average_;
  layers::Loss loss_;
  Tensor images_, labels_;
};

void check(const TrainStepCase& step_case) {
  require(step_case.steps >= 1 && step_case.batch >= 1,
          "bench train: expected batch and steps >= 1, got {} and {}", step_case.batch,
          step_case.steps);
}

std::string bits_text(const TrainStepCase& step_case) {
  const auto text = [&](quant::Role role) {
    const int bits = bits_of(step_case, role);
    return bits == 0 ? std::string("-") : fmt::format("{}", bits);
  };
  return text(quant::Role::weight) + "/" + text(quant::Role::activation);
}

struct Alternation {
  double median_seconds;  // of the training's steps
  double ratio;           // median, to the reference's steps
};

/// Alternates steps of both, after warming up the training.
Alternation alternate(Training& training, Training& reference, const TrainStepCase& step_case) {
  training.warm_up();
  progress_bar().begin(step_case.method, step_case.steps);
  std::vector<double> seconds, ratios;
  for (int step = 0; step < step_case.steps; ++step) {
    const double reference_seconds = reference.seconds_of_step();
    seconds.push_back(training.seconds_of_step());
    ratios.push_back(seconds.back() / reference_seconds);
    progress_bar().advance();
  }
  return {median(seconds), median(ratios)};
}

}  // namespace

TrainStepResult time_train_step(const TrainStepCase& step_case) {
  check(step_case);
  TrainStepResult result;
  result.resident_before = peak_resident_bytes();
  Training training(step_case);

  reset_allocator_peak();
  training.warm_up();
  const std::uint64_t warm_allocations = allocator_stats().system_allocations;
  const double warm_waited = training.average().seconds_waited();
  const std::int64_t warm_bytes = training.average().bytes();
  std::vector<double> seconds;
  progress_bar().begin(step_case.method, step_case.steps);
  for (int step = 0; step < step_case.steps; ++step) {
    seconds.push_back(training.seconds_of_step());
    progress_bar().advance();
  }
  result.median_seconds = median(seconds);
  result.best_seconds = *std::ranges::min_element(seconds);
  result.images_per_second =
      static_cast<double>(step_case.batch * communicator().size()) / result.median_seconds;
  result.tensor_bytes = allocator_stats().peak_bytes_in_use;
  result.resident_bytes = peak_resident_bytes();
  result.huge_page_bytes = huge_page_bytes();
  result.late_allocations = allocator_stats().system_allocations - warm_allocations;
  result.summed_bytes =
      static_cast<double>(training.average().bytes() - warm_bytes) / step_case.steps;
  result.seconds_waited = (training.average().seconds_waited() - warm_waited) / step_case.steps;
  for (const layers::QuantizedLayer* layer : training.network().quantized_layers())
    ++result.arithmetic[std::string(layer->arithmetic())];
  result.share_of_peak =
      seconds_at_peak(training.network(), training.images(), step_case.precision) /
      result.median_seconds;
  return result;
}

double speedup_over_float32(const TrainStepCase& step_case) {
  check(step_case);
  TrainStepCase float32 = step_case;
  float32.method = "none";
  float32.precision = Precision::float32;
  Training training(step_case), reference(float32);
  reference.warm_up();
  return 1.0 / alternate(training, reference, step_case).ratio;
}

void compare_methods(const TrainStepCase& step_case, std::vector<std::string> methods,
                     const std::function<void(const MethodCost&)>& report) {
  check(step_case);
  if (methods.empty()) {
    for (const quant::StrategyInfo& info : quant::registered_quantizers())
      if (info.name != "none") methods.push_back(info.name);
  }
  for (const std::string& method : methods) quant::find_strategy(method, "bench train");
  TrainStepCase fp32_case = step_case, method_case = step_case;
  fp32_case.method = "none";
  Training fp32(fp32_case);
  fp32.warm_up();
  for (const std::string& method : methods) {
    method_case.method = method;
    Training training(method_case);
    const Alternation times = alternate(training, fp32, method_case);
    report({method, bits_text(method_case), times.median_seconds, times.ratio});
  }
}

}  // namespace quench::bench
