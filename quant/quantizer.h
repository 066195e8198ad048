#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "core/random.h"
#include "quant/capabilities.h"
#include "quant/grid.h"
#include "quant/saved_state.h"
#include "support/settings.h"

namespace quench::quant {

/// Whether a quantizer quantizes weights or activations.
enum class Role : std::uint8_t { weight, activation };
/// Whether the tensor shares one scale, or each output channel of a weight has its own (axis 0).
enum class Granularity : std::uint8_t { per_tensor, per_channel };

struct Strategy;

/// One resolved slot of a network: the arguments of its quantizer.
struct SlotSpec {
  const Strategy* strategy = nullptr;  ///< from the registry; null for a quantizer made by hand
  Role role = Role::weight;
  int bits = 8;  ///< 1 to 8
  Granularity granularity = Granularity::per_tensor;
  std::int64_t channels = 1;  ///< weights: the number of output channels
  Shape shape = {};       ///< weights: the shape, for values trained per element; rank 0: unknown
  std::string slot = {};  ///< for messages: "features.conv2.weight"
  /// The method's table, e.g. [quant.ab]; empty: all defaults. An unread key is an error.
  Settings settings = {};
};

/// What a quantizer computes.
enum class Mode : std::uint8_t {
  training,    ///< the strategy's own forward and gradient estimator
  evaluation,  ///< exactly dequantize(quantize(x)) on grid(); no gradient
  bypass,      ///< nothing, as if the slot were empty: the float network
};

/// Objects that the slots of one network share during training, e.g. the order in which thresholds
/// freeze ("tqt"). Each has a strategy's own type and is created on first use.
class SharedInNetwork {
 public:
  template <typename T>
  std::shared_ptr<T> get() {
    std::shared_ptr<void>& shared = objects_[std::type_index(typeid(T))];
    if (shared == nullptr) shared = std::make_shared<T>();
    return std::static_pointer_cast<T>(shared);
  }

 private:
  std::map<std::type_index, std::shared_ptr<void>> objects_;
};

/// Properties of a training run, known before its first step.
struct TrainingPlan {
  std::int64_t total_steps = 0;
  std::int64_t steps_per_epoch = 0;
  bool adaptive_optimizer = false;  ///< Adam-like: step sizes do not shrink with the gradient
  std::uint64_t seed = 0;
  SharedInNetwork* network = nullptr;  ///< null: the slot shares nothing
};

/// A strategy that puts tensors on an integer grid while their network trains.
///
/// The promise: in Mode::evaluation, forward(x) equals dequantize(quantize(x)) for the grid that
/// grid() exports. The base class guarantees this for every strategy, because it implements
/// evaluation itself. A weight's grid is derived from the weight: evaluation calls observe(weight)
/// first. An activation's grid comes from training or calibration; evaluation does not change it.
class Quantizer {
 public:
  explicit Quantizer(const SlotSpec& spec, Traits traits = {});
  virtual ~Quantizer() = default;

  /// Applies mode() to x; keeps the shape.
  /// @throws std::logic_error  in Mode::training, for a Planned quantizer before begin_training()
  Variable forward(const Variable& x);
  /// forward() for a layer that multiplies codes: in Mode::training, u8 bytes on byte_grid(grid()) if the strategy
  /// supports it and all values are on its grid; else the values.
  Variable forward_bytes(const Variable& x);
  /// Whether train_forward()'s values are on grid() in the current step. A strategy that blends or adds noise returns
  /// false meanwhile, and its layer multiplies values; one that waits and returns its input need not.
  virtual bool on_grid() const { return true; }
  /// Whether train_forward() may return bytes (quant/parts/element_output.h).
  bool wants_bytes() const { return wants_bytes_; }
  /// The integers of x and their grid in evaluation mode; nullopt in other modes and for "none".
  struct Codes {
    Tensor values;  ///< q - zero_point as f32 integers
    QuantGrid grid;
  };
  std::optional<Codes> codes(const Tensor& x);

  /// The grid of evaluation and export.
  /// @throws std::logic_error  before the first observation, or if there is no grid ("none")
  virtual QuantGrid grid() const = 0;
  /// The integers of evaluation and export: q - zero_point as f32, in memory order. By default the
  /// nearest codes of grid(); a strategy may override this (a threshold other than half a step, a
  /// transform of the latent weight).
  virtual Tensor quantize(const Tensor& x) const { return centered_codes(x, grid()); }
  /// Observes a tensor without training: recomputes a weight's grid, or updates an activation's
  /// statistics.
  virtual void observe(const Tensor& x) = 0;

  /// Trained values (thresholds, scales) as (name, value); a separate group in the optimizer.
  virtual std::vector<std::pair<std::string, Variable>> parameters() { return {}; }
  /// Called after optimizer step `step` (from 0): schedules advance here.
  virtual void step(std::int64_t /*step*/) {}
  /// Values to plot over training, e.g. {"alpha", 0.5}.
  virtual std::vector<std::pair<std::string, float>> metrics() const { return {}; }

  /// Everything that resuming or evaluation needs in addition to parameters(): tensors by name.
  virtual SavedState state() const { return {}; }
  /// @throws std::invalid_argument  if an entry is missing or mis-shaped
  virtual void load_state(const SavedState& /*state*/) {}

  /// Optional capabilities (quant/capabilities.h); null if this strategy lacks them.
  virtual Calibratable* calibratable() { return nullptr; }
  virtual const LatentUpdate* latent_update() const { return nullptr; }
  virtual Planned* planned() { return nullptr; }
  virtual const Limited* limited() const { return nullptr; }
  bool quantizes() const { return traits_.quantizes; }
  bool scales_output() const { return traits_.scales_output; }
  bool stale_batch_norm() const { return traits_.stale_batch_norm; }

  /// Passes the run's plan. Called once, before the first step or the load_state() of a resumed
  /// run.
  /// @throws std::invalid_argument  for a run without steps
  void begin_training(const TrainingPlan& plan);

  Mode mode() const { return mode_; }
  void set_mode(Mode mode) { mode_ = mode; }
  Role role() const { return role_; }
  int bits() const { return bits_; }
  Granularity granularity() const { return granularity_; }
  const std::string& slot() const { return slot_; }
  /// The registered name of the strategy.
  const std::string& method() const { return method_; }

 protected:
  /// forward() in Mode::training: the strategy's fake quantization, recorded on the tape with its
  /// gradient. A result that is not on the tape means that no gradient passes, and the layer skips
  /// its own.
  virtual Variable train_forward(const Variable& x) = 0;

 private:
  Mode mode_ = Mode::training;
  Role role_;
  int bits_;
  Granularity granularity_;
  std::string slot_;
  std::string method_;
  Traits traits_;
  bool begun_ = false;
  bool wants_bytes_ = false;
};

}  // namespace quench::quant
