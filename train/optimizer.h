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

/// Settings of an optimizer, which computes with them as float32. Those that a method does not know are
/// checked and otherwise unused.
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
  /// Kinds of parameters that are trained, of parameter_kinds(); see trained_parameters(). FAT trains
  /// ["quantizer"] alone.
  std::vector<std::string> train{"weight", "bias", "norm", "quantizer"};
  double quantizer_lr_scale = 1.0;  ///< rate of trained thresholds, relative to lr; finite, >= 0
};

/// The names of all kinds of parameters, as OptimizerOptions::train lists them: weight, bias, norm and
/// quantizer, see layers/module.h.
const std::vector<std::string>& parameter_kinds();

/// The network's parameters of these kinds. All others are frozen: they keep their values, and no
/// gradient is computed for their sake.
/// @param kinds  of parameter_kinds()
/// @throws std::invalid_argument  if the network has no parameter of these kinds
std::vector<Parameter> trained_parameters(Module& network, const std::vector<std::string>& kinds);

/// Changes parameters by their gradients.
///
/// The groups: weights decay; biases, normalization and trained thresholds do not (decay would pull
/// a threshold or a gain towards 0, where nothing fits any more). Thresholds have their own rate,
/// lr * quantizer_lr_scale.
///
/// A quantized weight moves by s * k * delta, with delta the step that the method makes, weight decay
/// included, k the Glorot scale or 1, and s what its quantizer says (quant::LatentUpdate::step_scale)
/// or 1; then the quantizer projects it. At s = 0 it stands still.
///
/// The results do not depend on the number of threads.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient; the others keep their value and their moments.
  /// @param lr  base rate of this step; finite, >= 0
  /// @throws std::invalid_argument  if lr is not
  /// @throws std::logic_error       if a gradient does not have its parameter's shape
  void step(float lr);
  void zero_grad();
  /// Forgets all moments, as if no step had been made.
  void reset();

  /// Whether steps keep their size when gradients shrink, as in Adam.
  virtual bool adaptive() const = 0;

  /// A copy of all that a resumed run needs: "<parameter>.<moment>" and "<parameter>.steps".
  std::map<std::string, Tensor> state() const;
  /// Takes back what state() gave, wholly or not at all.
  /// @throws std::invalid_argument  if an entry is missing, mis-shaped or unknown
  void load_state(const std::map<std::string, Tensor>& state);

 protected:
  /// A parameter and what the method remembers of its gradients.
  struct Entry {
    Parameter parameter;
    float weight_decay = 0.0f;
    float lr_scale = 1.0f;        ///< constant factors on the rate: group and Glorot scale
    std::vector<Tensor> moments;  ///< in the order of the method's moment names
    std::int64_t steps = 0;       ///< updates so far
  };

  /// @param moment_names  one f32 tensor of the parameter's shape is kept for each, from 0
  Optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters,
            std::vector<std::string_view> moment_names);

  /// The method's arithmetic for one parameter, in one pass. entry.steps counts this update too.
  /// @param rate  factor on the step: learning rate times all scales
  virtual void update(Entry& entry, const Tensor& grad, float rate) = 0;

 private:
  Entry make_entry(const OptimizerOptions& options, Parameter parameter) const;
  void step_entry(Entry& entry, float lr);

  std::vector<std::string_view> moment_names_;
  std::vector<Entry> entries_;
};

/// Builds the method `options.name` over `parameters`; options.train has chosen them before.
/// @throws std::invalid_argument  naming the key, for an unknown method (the message lists the
///                                known ones) or an option out of range; naming the parameter, if
///                                two share a name or one is not a trainable f32 tensor
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<Parameter> parameters);

struct OptimizerInfo {
  std::string name;
  std::string summary;  ///< one line, for lists and help
};

/// All optimizers, in the order of their table.
std::vector<OptimizerInfo> registered_optimizers();

/// sqrt((fan_in + fan_out) / 1.5): binary weights live in [-1, 1] whatever the size of their layer,
/// and this factor makes a step as large, relative to that range, as it would be to the layer's
/// Glorot range (Courbariaux et al. 2015, arXiv:1511.00363, section 2.5 and its code).
/// @param weight  [O, I/groups, KH, KW] or [out_features, in_features]
/// @throws std::invalid_argument  for another rank, or a weight without elements
float glorot_lr_scale(const Shape& weight);

}  // namespace quench::train
