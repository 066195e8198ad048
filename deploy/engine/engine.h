#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/network/integer_network.h"
#include "kernels/isa.h"

namespace quench::deploy {

class PreparedOperation;

/// The kernels that multiply codes by weights.
enum class Products : std::uint8_t {
  exact,       ///< the fastest exact kernels
  saturating,  ///< slow kernels that reproduce int8 libraries on a CPU without VNNI
};

/// Runs an integer network with fast kernels. The bits equal those of interpret(), unless products
/// saturate. Each layer uses the fastest kernel on this CPU that is exact for its weights; weights
/// are packed once.
///
/// Only one thread may use an engine at a time. It runs num_threads() threads itself.
class Engine {
 public:
  /// @throws std::invalid_argument  if check_network() rejects the network, or this CPU lacks the
  ///                                instruction set
  explicit Engine(IntegerNetwork network, kernels::Isa isa = kernels::best_isa(),
                  Products products = Products::exact);
  ~Engine();
  Engine(Engine&&) noexcept;

  const IntegerNetwork& network() const { return network_; }

  /// The logits [N, classes] of images [N, C, H, W], normalized as in training.
  /// @throws std::invalid_argument  if the images have another size
  Tensor operator()(const Tensor& images);
  /// All intermediate values for these images.
  Values values(const Tensor& images);

  /// The kernel of each operation, in order, e.g. "avx2 maddubs"; empty for operations without
  /// products.
  std::vector<std::string_view> kernels() const;
  /// Seconds per operation, from one run on one image [1, C, H, W].
  std::vector<double> operation_seconds(const Tensor& image);

 private:
  void plan_memory();
  std::vector<std::byte*> shared_memory();

  IntegerNetwork network_;
  std::vector<std::unique_ptr<PreparedOperation>> operations_;
  std::vector<Tensor> slots_;         // memory of the values, see plan_memory()
  std::vector<std::size_t> slot_of_;  // per value
};

}  // namespace quench::deploy
