#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "layers/module.h"

namespace quench::train {

/// Settings of an optimizer, rounded to float32 before use. Settings that a method does not use are
/// checked but ignored.
struct OptimizerOptions {
  std::string name = "adam";  ///< one of registered_optimizers()
  double lr = 1e-3;           ///< after warm-up; finite, >= 0
  double momentum = 0.9;      ///< sgd: in [0, 1)
  bool nesterov = false;      ///< sgd: needs momentum > 0
  double weight_decay = 0.0;  ///< finite, >= 0
  double beta1 = 0.9;         ///< adam, adamw: decay of the mean gradient, in [0, 1)
  double beta2 = 0.999;       ///< adam, adamw: decay of the mean squared gradient, in [0, 1)
  double eps = 1e-8;          ///< adam, adamw: finite, >= 0
  bool glorot_scale = false;  ///< multiply the steps of quantized weights by glorot_lr_scale()
  /// Kinds of parameters to train, from parameter_kinds(); see trained_parameters(). FAT trains
  /// only ["quantizer"].
  std::vector<std::string> train{"weight", "bias", "norm", "quantizer"};
  double quantizer_lr_scale = 1.0;  ///< rate of trained thresholds, relative to lr; finite, >= 0
};

/// The names of all kinds of parameters, as OptimizerOptions::train lists them: weight, bias, norm and
/// quantizer, see layers/module.h.
const std::vector<std::string>& parameter_kinds();

/// The network's parameters of these kinds. Freezes all others: they keep their values, and no
/// gradients are computed for them.
/// @param kinds  from parameter_kinds()
/// @throws std::invalid_argument  if the network has no parameter of these kinds
std::vector<layers::Parameter> trained_parameters(layers::Module& network,
                                                  const std::vector<std::string>& kinds);

/// Updates parameters from their gradients.
///
/// Groups: weights have weight decay; biases, normalization and trained thresholds do not (decay
/// would pull a threshold or a gain towards 0, which makes it useless). Thresholds have their own
/// rate, lr * quantizer_lr_scale.
///
/// A quantized weight moves by s * k * delta, where delta is the method's step including weight
/// decay, k the Glorot scale or 1, and s the quantizer's quant::LatentUpdate::step_scale() or 1;
/// then the quantizer projects it. With s = 0 it does not move.
///
/// The results do not depend on the number of threads.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient; the others keep their value and their moments.
  /// @param lr  base rate of this step; finite, >= 0
  /// @throws std::invalid_argument  if lr is out of range
  /// @throws std::logic_error       if a gradient does not have its parameter's shape
  void step(float lr);
  void zero_grad();
  /// Resets all moments, as if no step had been made.
  void reset();

  /// Whether the step size is independent of the gradient's magnitude, as in Adam.
  virtual bool adaptive() const = 0;

  /// A copy of the state for resuming: "<parameter>.<moment>" and "<parameter>.steps".
  std::map<std::string, Tensor> state() const;
  /// Restores a state() completely, or not at all on error.
  /// @throws std::invalid_argument  if an entry is missing, mis-shaped or unknown
  void load_state(const std::map<std::string, Tensor>& state);

 protected:
  /// A parameter and the method's moments for it.
  struct Entry {
    layers::Parameter parameter;
    float weight_decay = 0.0f;
    float lr_scale = 1.0f;        ///< constant factors on the rate: group and Glorot scale
    std::vector<Tensor> moments;  ///< in the order of the method's moment names
    std::int64_t steps = 0;       ///< updates so far
  };

  /// @param moment_names  for each, an f32 tensor with the parameter's shape is kept, starting at 0
  Optimizer(const OptimizerOptions& options, std::vector<layers::Parameter> parameters,
            std::vector<std::string_view> moment_names);

  /// The method's arithmetic for one parameter, in one pass. entry.steps counts this update too.
  /// @param rate  factor on the step: learning rate times all scales
  virtual void update(Entry& entry, const Tensor& grad, float rate) = 0;

 private:
  Entry make_entry(const OptimizerOptions& options, layers::Parameter parameter) const;
  void step_entry(Entry& entry, float lr);

  std::vector<std::string_view> moment_names_;
  std::vector<Entry> entries_;
};

/// Builds the method `options.name` for `parameters`, already selected by options.train.
/// @throws std::invalid_argument  naming the key, for an unknown method (the message lists the
///                                known ones) or an option out of range; naming the parameter, if
///                                two share a name or one is not a trainable f32 tensor
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<layers::Parameter> parameters);

struct OptimizerInfo {
  std::string name;
  std::string summary;  ///< one line, for lists and help
};

/// All optimizers, in table order.
std::vector<OptimizerInfo> registered_optimizers();

/// sqrt((fan_in + fan_out) / 1.5): binary weights are in [-1, 1] for any layer size. This factor
/// makes a step as large relative to that range as it would be relative to the layer's Glorot range
/// (Courbariaux et al. 2015, arXiv:1511.00363, section 2.5 and its code).
/// @param weight  [O, I/groups, KH, KW] or [out_features, in_features]
/// @throws std::invalid_argument  for another rank, or a weight without elements
float glorot_lr_scale(const Shape& weight);

}  // namespace quench::train
