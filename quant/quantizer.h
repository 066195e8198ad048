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

/// What passes through a quantizer.
enum class Role : std::uint8_t { weight, activation };
/// What shares one scale: the tensor, or each output channel of a weight (axis 0).
enum class Granularity : std::uint8_t { per_tensor, per_channel };

struct Strategy;

/// One slot of a network, resolved: what its quantizer is made from.
struct SlotSpec {
  const Strategy* strategy = nullptr;  ///< of the registry; null for a quantizer made by hand
  Role role = Role::weight;
  int bits = 8;  ///< 1 to 8
  Granularity granularity = Granularity::per_tensor;
  std::int64_t channels = 1;  ///< of a weight: its output channels, the slices of per_channel
  Shape shape = {};           ///< of a weight, for what is trained per element; rank 0: not told
  std::string slot = {};      ///< for messages: "features.conv2.weight"
  /// The method's own table, e.g. [quant.ab]; empty: all defaults. A key left unread is an error.
  Settings settings = {};
};

/// How a quantizer treats what passes through.
enum class Mode : std::uint8_t {
  training,    ///< the strategy's own forward and gradient estimator
  evaluation,  ///< exactly dequantize(quantize(x)) on grid(); no gradient
  bypass,      ///< as if the slot were empty: the float network underneath
};

/// What the slots of one network share while it trains, such as the order in which thresholds freeze
/// ("tqt"): an object of a strategy's own type, made by the first slot that asks for it.
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

/// What a strategy may need to know of the run before its first step.
struct TrainingPlan {
  std::int64_t total_steps = 0;
  std::int64_t steps_per_epoch = 0;
  bool adaptive_optimizer = false;  ///< Adam-like: its steps do not shrink with the gradient
  std::uint64_t seed = 0;
  SharedInNetwork* network = nullptr;  ///< null: the slot is alone
};

/// A strategy that puts tensors on an integer grid while their network trains.
///
/// The promise: in Mode::evaluation, forward(x) equals dequantize(quantize(x)) for the grid that
/// grid() exports. The base class keeps it for every strategy, because it computes evaluation so
/// itself. A weight's grid follows from the weight: evaluation calls observe(weight) first.
/// An activation's grid is what training or calibration has gathered, and evaluation leaves it
/// alone.
class Quantizer {
 public:
  explicit Quantizer(const SlotSpec& spec, Traits traits = {});
  virtual ~Quantizer() = default;

  /// x as `mode()` has it; the shape stays.
  /// @throws std::logic_error  in Mode::training, if begin_training() has yet to come for a Planned one
  Variable forward(const Variable& x);
  /// The integers of x in evaluation mode, and their grid; nothing in other modes or for "none".
  struct Codes {
    Tensor values;  ///< q - zero_point as f32 integers
    QuantGrid grid;
  };
  std::optional<Codes> codes(const Tensor& x);

  /// The grid of evaluation and export.
  /// @throws std::logic_error  before anything was observed, or if there is no grid ("none")
  virtual QuantGrid grid() const = 0;
  /// The integers of evaluation and export: q - zero_point as f32, in memory order. The nearest
  /// codes of grid(), unless a strategy knows better (a threshold that is not half a step, a
  /// transform of the latent weight).
  virtual Tensor quantize(const Tensor& x) const { return centered_codes(x, grid()); }
  /// Takes in a tensor without training: a weight's grid is derived from it anew, an activation's
  /// statistics are updated by it.
  virtual void observe(const Tensor& x) = 0;

  /// Trained values (thresholds, scales), an optimizer group of their own: name, value.
  virtual std::vector<std::pair<std::string, Variable>> parameters() { return {}; }
  /// Called after optimizer step `step` (from 0): schedules move here.
  virtual void step(std::int64_t /*step*/) {}
  /// Values worth a curve, e.g. {"alpha", 0.5}.
  virtual std::vector<std::pair<std::string, float>> metrics() const { return {}; }

  /// All that a resumed run or an evaluation needs beside parameters(): tensors by name.
  virtual SavedState state() const { return {}; }
  /// @throws std::invalid_argument  if an entry is missing or mis-shaped
  virtual void load_state(const SavedState& /*state*/) {}

  /// What not every strategy has (quant/capabilities.h); null: this one has it not.
  virtual Calibratable* calibratable() { return nullptr; }
  virtual const LatentUpdate* latent_update() const { return nullptr; }
  virtual Planned* planned() { return nullptr; }
  bool quantizes() const { return traits_.quantizes; }
  bool scales_output() const { return traits_.scales_output; }
  bool stale_batch_norm() const { return traits_.stale_batch_norm; }

  /// Tells of the run. Called once, before the first step or the load_state() of a resumed run.
  /// @throws std::invalid_argument  for a run of no steps
  void begin_training(const TrainingPlan& plan);

  Mode mode() const { return mode_; }
  void set_mode(Mode mode) { mode_ = mode; }
  Role role() const { return role_; }
  int bits() const { return bits_; }
  Granularity granularity() const { return granularity_; }
  const std::string& slot() const { return slot_; }
  /// The name of the strategy, as registered.
  const std::string& method() const { return method_; }

 protected:
  /// forward() in Mode::training: the strategy's fake quantization, recorded on the tape with its
  /// gradient. A result off the tape says that no gradient passes, which spares the layer its own.
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
};

}  // namespace quench::quant
