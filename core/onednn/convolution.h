#pragma once

#include <memory>

#include "core/ops/conv2d.h"

namespace quench::onednn {

/// What a forward pass does to the sum of products before it writes it.
struct Epilogue {
  Activation activation = Activation::none;  ///< last
  bool accumulate = false;                   ///< adds what the output holds already
  bool operator==(const Epilogue&) const = default;
};

/// The three passes of one convolution through oneDNN. Shapes and types are the caller's to check.
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
