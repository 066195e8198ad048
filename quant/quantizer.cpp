#include "quant/quantizer.h"

#include "core/profiler.h"

namespace quench::quant {

Variable Quantizer::forward(const Variable& x) {
  if (mode_ == Mode::bypass || !quantizes()) return x;
  ProfileScope scope("quantize");
  if (mode_ == Mode::training) return train_forward(x);
  if (role_ == Role::weight) observe(x.value());
  return Variable(dequantize(quantize(x.value()), grid()));
}

std::optional<Quantizer::Codes> Quantizer::codes(const Tensor& x) {
  if (mode_ != Mode::evaluation || !quantizes()) return std::nullopt;
  ProfileScope scope("quantize");
  if (role_ == Role::weight) observe(x);
  QuantGrid exported = grid();
  Tensor values = quantize(x);
  return Codes{std::move(values), std::move(exported)};
}

}  // namespace quench::quant
