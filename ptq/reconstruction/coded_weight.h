#pragma once

#include "layers/quantized_layer.h"
#include "quant/grid.h"

namespace quench {

/// A layer's weight as integers on a grid that stays, whatever the weight becomes: what reconstruction
/// chooses. Values are those that the quantizer gets, with a batch norm folded in where there is one.
class CodedWeight {
 public:
  /// @throws std::invalid_argument  unless the layer's quantizer has a uniform grid whose scale stays,
  ///                                and rounds to the nearest code; the message names the slot
  explicit CodedWeight(QuantizedLayer& layer);

  QuantizedLayer& layer() const { return *layer_; }
  const quant::QuantGrid& grid() const { return grid_; }
  /// The float weight that it began with.
  const Tensor& original() const { return original_; }
  /// What each element of the layer's own weight is multiplied by before it is quantized; undefined: 1.
  const Tensor& factor() const { return factor_; }

  /// Sets the layer's weight, so that its quantizer gets `values`.
  void set(const Tensor& values);
  /// The gradient that the layer's weight has gathered, in those values; undefined: none.
  Tensor gradient() const;
  /// Sets the weight to the real values of `codes`, which are less the zero point: its quantizer rounds
  /// to them from now on.
  void set_codes(const Tensor& codes);

 private:
  QuantizedLayer* layer_;
  quant::QuantGrid grid_;
  Tensor original_, factor_;
};

}  // namespace quench
