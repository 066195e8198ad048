#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/kernels/isa.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

class PreparedOperation;

/// What multiplies codes with weights.
enum class Products : std::uint8_t {
  exact,       ///< the fastest kernels that are exact
  saturating,  ///< slow ones that compute what int8 libraries do on a CPU without VNNI
};

/// Runs an integer network by fast kernels, with the bits of interpret() (unless products saturate): for each layer the kernel
/// that is exact with the weights it has and fastest on this CPU, its weights laid out once.
///
/// One thread may use it at a time; it works with num_threads() of its own.
class Engine {
 public:
  /// @throws std::invalid_argument  for a network that check_network() refuses, or an instruction
  ///                                set that this machine lacks
  explicit Engine(IntegerNetwork network, Isa isa = best_isa(),
                  Products products = Products::exact);
  ~Engine();
  Engine(Engine&&) noexcept;

  const IntegerNetwork& network() const { return network_; }

  /// The logits [N, classes] of images [N, C, H, W], normalized as in training.
  /// @throws std::invalid_argument  for images of another size
  Tensor operator()(const Tensor& images);
  /// All values of these images.
  Values values(const Tensor& images);

  /// What computes each operation, in order: "avx2 maddubs" and the like; empty where nothing is
  /// multiplied.
  std::vector<std::string_view> kernels() const;
  /// How long each operation takes, in seconds, in one run of one image [1, C, H, W].
  std::vector<double> operation_seconds(const Tensor& image);

 private:
  void plan_memory();
  std::vector<std::byte*> shared_memory();

  IntegerNetwork network_;
  std::vector<std::unique_ptr<PreparedOperation>> operations_;
  std::vector<Tensor> slots_;         // memory of values, shared by those that do not overlap
  std::vector<std::size_t> slot_of_;  // per value
};

}  // namespace quench::deploy
