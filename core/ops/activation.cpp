#include "core/ops/activation.h"

#include <array>
#include <string>

#include "core/ops/elementwise.h"
#include "support/error.h"

namespace quench {
namespace {

struct Entry {
  std::string_view name;
  Activation activation;
  ActivationRange range;
};

constexpr std::array kActivations{
    Entry{"none", Activation::none, {}},
    Entry{"relu", Activation::relu, {.low = 0.0f}},
    Entry{"relu6", Activation::relu6, {.low = 0.0f, .high = 6.0f}},
    Entry{"hardtanh", Activation::hardtanh, {.low = -1.0f, .high = 1.0f}},
};

const Entry& entry_of(Activation activation) {
  for (const Entry& entry : kActivations) {
    if (entry.activation == activation) return entry;
  }
  throw std::invalid_argument("activation: expected a value of the enumeration");
}

}  // namespace

Activation parse_activation(std::string_view name) {
  std::string known;
  for (const Entry& entry : kActivations) {
    if (entry.name == name) return entry.activation;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw std::invalid_argument(
      fmt::format("activation: expected one of {}, got \"{}\"", known, name));
}

std::string_view to_string(Activation activation) { return entry_of(activation).name; }

ActivationRange range_of(Activation activation) { return entry_of(activation).range; }

Tensor activate(const Tensor& x, Activation activation) {
  if (activation == Activation::none) return x;
  return map(x, [range = range_of(activation)](float v) { return range.clamp(v); });
}

Tensor activate_backward(const Tensor& grad_output, const Tensor& output, Activation activation) {
  require(grad_output.shape() == output.shape(),
          "activate: expected a gradient of shape {}, got {}", output.shape().to_string(),
          grad_output.shape().to_string());
  if (activation == Activation::none) return grad_output;
  return zip(grad_output, output,
             [range = range_of(activation)](float g, float y) { return range.gate(g, y); });
}

}  // namespace quench
