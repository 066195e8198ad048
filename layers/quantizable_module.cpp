#include "layers/quantizable_module.h"

#include <algorithm>
#include <array>
#include <utility>

#include "autograd/shape_ops.h"
#include "core/ops/shape_ops.h"
#include "quant/strategies/none.h"
#include "support/error.h"

namespace quench::layers {

QuantizableModule::QuantizableModule(std::size_t inputs) : inputs_(inputs) {
  for (auto& quantizer : inputs_) quantizer = std::make_shared<quant::NoQuantizer>();
}

std::shared_ptr<quant::Quantizer> QuantizableModule::set_input_quantizer(
    std::shared_ptr<quant::Quantizer> quantizer, std::size_t input) {
  return std::exchange(inputs_.at(input), std::move(quantizer));
}

bool QuantizableModule::shares_quantizer() const {
  return inputs_.size() == 2 && inputs_[0] == inputs_[1];
}

std::vector<std::pair<std::string, quant::Quantizer*>> QuantizableModule::quantizers() {
  if (inputs_.size() == 1 || shares_quantizer()) return {{"input_quantizer", inputs_[0].get()}};
  return {{"input1_quantizer", inputs_[0].get()}, {"input2_quantizer", inputs_[1].get()}};
}

bool QuantizableModule::quantizes() {
  return std::ranges::any_of(quantizers(),
                             [](const auto& slot) { return slot.second->quantizes(); });
}

std::vector<std::pair<quant::Quantizer*, Tensor>> QuantizableModule::readings(
    ForwardObserver::Inputs inputs) {
  if (shares_quantizer()) {
    const std::array parts{inputs[0].value(), inputs[1].value()};
    return {{inputs_[0].get(), concat(parts, 0)}};
  }
  std::vector<std::pair<quant::Quantizer*, Tensor>> result;
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    result.emplace_back(inputs_[i].get(), inputs[i].value());
  return result;
}

std::pair<Variable, Variable> QuantizableModule::quantized(std::span<const Variable> inputs) {
  expect(inputs.size() == 2, "{}: expected two inputs, got {}", name(), inputs.size());
  const Variable &a = inputs[0], &b = inputs[1];
  // Outside training no statistics are gathered, and two passes avoid the concatenation.
  if (!shares_quantizer() || inputs_[0]->mode() != quant::Mode::training)
    return {inputs_[0]->forward(a), inputs_[1]->forward(b)};
  const Variable both = inputs_[0]->forward(concat(inputs, 0));
  const std::int64_t images = a.shape()[0];
  return {slice(both, 0, images), slice(both, images, 2 * images)};
}

bool is_quantized(Module& network) {
  return std::ranges::any_of(network.quantizable_modules(),
                             [](QuantizableModule* module) { return module->quantizes(); });
}

}  // namespace quench::layers
