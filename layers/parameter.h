#pragma once

#include <cstdint>
#include <string>

#include "autograd/variable.h"
#include "quant/quantizer.h"

namespace quench {

/// What a parameter is for, which decides its optimizer group.
enum class ParameterKind : std::uint8_t {
  weight,  ///< of a convolution or linear layer: the one kind that decays
  bias,
  norm,       ///< gain or bias of a normalization
  quantizer,  ///< a trained threshold or scale
};

/// A trained value of a network, by its dotted name.
struct Parameter {
  std::string name;
  Variable value;
  ParameterKind kind = ParameterKind::weight;
  /// Of the slot that a weight passes through; null for other kinds.
  quant::Quantizer* quantizer = nullptr;
};

}  // namespace quench
