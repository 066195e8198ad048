#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "layers/module.h"
#include "quant/quantizer.h"

namespace quench::layers {

/// A module with slots for quantizers, which are empty ("none") until a policy fills them: one per
/// activation that it reads, plus those that a subclass adds.
///
/// One quantizer may serve two inputs, which then share its grid. It sees them as one tensor,
/// concatenated along axis 0: its statistics, initialization and gradient cover both.
class QuantizableModule : public Module {
 public:
  QuantizableModule* as_quantizable() final { return this; }

  /// The quantizer of argument `input` of operator(), counted from 0.
  quant::Quantizer& input_quantizer(std::size_t input = 0) { return *inputs_[input]; }
  /// @return the previous one
  std::shared_ptr<quant::Quantizer> set_input_quantizer(std::shared_ptr<quant::Quantizer> quantizer,
                                                        std::size_t input = 0);
  std::size_t input_count() const { return inputs_.size(); }
  /// Whether one quantizer serves two inputs.
  bool shares_quantizer() const;

  /// The quantizers, each once, with the names of their slots in checkpoints and messages:
  /// "input_quantizer", or "input1_quantizer" and "input2_quantizer" if there are two.
  virtual std::vector<std::pair<std::string, quant::Quantizer*>> quantizers();
  /// Whether any of them is not "none".
  bool quantizes();
  /// The input quantizers, each once, with the tensor that it gets from these inputs.
  std::vector<std::pair<quant::Quantizer*, Tensor>> readings(ForwardObserver::Inputs inputs);

 protected:
  explicit QuantizableModule(std::size_t inputs = 1);
  /// Two inputs after their quantizers.
  /// @throws std::logic_error  for another number of inputs
  std::pair<Variable, Variable> quantized(std::span<const Variable> inputs);

 private:
  std::vector<std::shared_ptr<quant::Quantizer>> inputs_;
};

/// Calls visit(quant::Quantizer&) for every quantizer of a network, including "none".
template <typename Visit>
void for_each_quantizer(Module& network, Visit visit) {
  for (QuantizableModule* module : network.quantizable_modules()) {
    for (const auto& [slot, quantizer] : module->quantizers()) visit(*quantizer);
  }
}

/// Whether any slot of the network holds a quantizer other than "none".
bool is_quantized(Module& network);

}  // namespace quench::layers
