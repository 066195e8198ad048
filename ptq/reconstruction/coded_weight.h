#pragma once

#include "layers/quantized_layer.h"
#include "quant/grid.h"

namespace quench::ptq {

/// A layer's weight as integer codes on a fixed grid, chosen by reconstruction. Values are the
/// quantizer's inputs, i.e. include a folded batch norm.
class CodedWeight {
 public:
  /// @throws std::invalid_argument  unless the layer's quantizer has a uniform grid with a fixed
  ///                                scale and rounds to the nearest code; the message names the
  ///                                slot
  explicit CodedWeight(layers::QuantizedLayer& layer);

  layers::QuantizedLayer& layer() const { return *layer_; }
  const quant::QuantGrid& grid() const { return grid_; }
  /// The initial float weight.
  const Tensor& original() const { return original_; }
  /// The factor of each element of the layer's weight before quantization; undefined: 1.
  const Tensor& factor() const { return factor_; }

  /// Sets the layer's weight such that its quantizer's input is `values`.
  void set(const Tensor& values);
  /// The accumulated gradient of the layer's weight, with respect to the quantizer's input;
  /// undefined: none.
  Tensor gradient() const;
  /// Sets the weight to the dequantized `codes` (minus the zero point), so that its quantizer
  /// rounds to these codes.
  void set_codes(const Tensor& codes);

 private:
  layers::QuantizedLayer* layer_;
  quant::QuantGrid grid_;
  Tensor original_, factor_;
};

}  // namespace quench::ptq
