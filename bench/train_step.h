#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "autograd/product.h"
#include "bench/network.h"

namespace quench::bench {

/// A network and a method whose training step is timed: forward, loss, backward, optimizer.
struct TrainStepCase {
  NetworkCase network{.width = 0.25};
  std::int64_t batch = 128;     ///< per rank
  std::string method = "none";  ///< weights and activations; the first layer's input stays float
  int bits = 0;                 ///< for both; 0: the fewest that the method supports
  Precision precision = Precision::float32;
  bool integer_forward = true;    ///< see QuantizedLayer::set_integer_forward
  std::string optimizer = "sgd";  ///< sgd (with momentum 0.9), adam or adamw
  int steps = 10;                 ///< timed steps, after two warm-up steps; >= 1
};

/// The cost of the timed steps, in seconds and bytes.
struct TrainStepResult {
  double median_seconds = 0.0;
  double best_seconds = 0.0;
  double images_per_second = 0.0;  ///< at the median, over all ranks
  /// The time of the products alone at the peak of the instructions that multiply them, over the median.
  double share_of_peak = 0.0;
  /// What multiplied forward: kernels and types, with the number of layers of each.
  std::map<std::string, int> arithmetic;
  std::size_t tensor_bytes = 0;     ///< peak of the tensor pool in these steps
  std::size_t resident_bytes = 0;   ///< peak resident set of the process so far
  std::size_t resident_before = 0;  ///< the same before the network was built
  std::size_t huge_page_bytes = 0;  ///< part of the resident set on huge pages at the end
  /// How often the pool grew after the second step.
  std::uint64_t late_allocations = 0;
  double summed_bytes = 0.0;  ///< per step, gradient bytes summed over ranks (train/rank_average.h)
  double seconds_waited = 0.0;  ///< per step, waiting for these sums after the backward pass
};

/// Images and labels are random and the same in every step: only time is measured. With several
/// ranks (core/communicator.h), all make each step together.
/// @throws std::invalid_argument  for unknown names or values out of range
TrainStepResult time_train_step(const TrainStepCase& step_case);

/// The median ratio of the times of steps in float32 without quantizers to those of this case, in alternation: above 1,
/// this case is faster. @throws as time_train_step()
double speedup_over_float32(const TrainStepCase& step_case);

/// The cost of a method in a training step.
struct MethodCost {
  std::string method;
  std::string bits;             ///< weights/activations, e.g. "1/2"; "-": not quantized
  double median_seconds = 0.0;  ///< of its steps
  double ratio = 0.0;  ///< median ratio of its step times to those of the alternating fp32 steps
};

/// Alternates steps of each method (none given: all registered ones) and of fp32, so that other
/// load on the machine affects both. Calls `report` with each method's cost as soon as it is known.
/// @throws as time_train_step()
void compare_methods(const TrainStepCase& step_case, std::vector<std::string> methods,
                     const std::function<void(const MethodCost&)>& report);

}  // namespace quench::bench
