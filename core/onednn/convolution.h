#pragma once

#include <memory>

#include "core/ops/conv2d.h"

namespace quench::onednn {

/// Operations fused into the output of a forward pass.
struct Epilogue {
  Activation activation = Activation::none;  ///< applied last
  bool accumulate = false;                   ///< adds to the current contents of the output
  bool operator==(const Epilogue&) const = default;
};

/// The three passes of one convolution with oneDNN. The caller checks shapes and types. The two operands of
/// a pass are both f32 or both bf16, which requires has_bf16(); bias and result are f32.
class Convolution {
 public:
  explicit Convolution(const Conv2dParams& params);
  ~Convolution();
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  void forward(const Tensor& input, const Tensor& weight, const Tensor& bias,
               const Epilogue& epilogue, Tensor& output);
  void backward_data(const Tensor& grad_output, const Tensor& weight, Tensor& grad_input);
  void backward_weights(const Tensor& input, const Tensor& grad_output, Tensor& grad_weight);

 private:
  struct Cache;
  Conv2dParams params_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace quench::onednn
