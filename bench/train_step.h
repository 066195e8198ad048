#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/network.h"

namespace quench::bench {

/// One network and method to time a training step of: forward, loss, backward, optimizer.
struct TrainStepCase {
  NetworkCase network{.width = 0.25};
  std::int64_t batch = 128;     ///< of each rank
  std::string method = "none";  ///< of weights and activations; the first layer's input stays real
  int bits = 0;                 ///< of both; 0: 1, or as few as the method has
  std::string optimizer = "sgd";  ///< sgd (with momentum 0.9), adam or adamw
  int steps = 10;                 ///< timed, after two to warm up; >= 1
};

/// What the timed steps took, seconds and bytes.
struct TrainStepResult {
  double median_seconds = 0.0;
  double best_seconds = 0.0;
  double images_per_second = 0.0;  ///< at the median, of all ranks
  /// Operations of one step, two per multiply-accumulate; taps on padding count.
  double flops = 0.0;
  std::size_t tensor_bytes = 0;     ///< peak of the tensor pool in these steps
  std::size_t resident_bytes = 0;   ///< peak resident set of the process so far
  std::size_t huge_page_bytes = 0;  ///< of the resident set, on huge pages at the end
  /// Times the pool asked the system for memory after the second step.
  std::uint64_t late_allocations = 0;
  double summed_bytes = 0.0;    ///< per step, of gradients that ranks sum (train/rank_average.h)
  double seconds_waited = 0.0;  ///< per step, for these sums after the backward pass
};

/// Images and labels are random and the same in every step: only time is measured. Several ranks
/// (core/communicator.h) make each step together.
/// @throws std::invalid_argument  for unknown names or values out of range
TrainStepResult time_train_step(const TrainStepCase& step_case);

/// What a method makes of the time of a step.
struct MethodCost {
  std::string method;
  std::string bits;             ///< of weights and activations, as "1/2"; "-": not quantized
  double median_seconds = 0.0;  ///< of its steps
  double ratio = 0.0;           ///< median of its steps' times over those of the fp32 steps beside
};

/// Steps of each method (none: all that are registered) and of fp32 in turn: what else the machine
/// does meanwhile meets both. `report` gets each method's cost as soon as it is known.
/// @throws as time_train_step()
void compare_methods(const TrainStepCase& step_case, std::vector<std::string> methods,
                     const std::function<void(const MethodCost&)>& report);

}  // namespace quench::bench
