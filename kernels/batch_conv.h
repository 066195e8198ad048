#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/tensor.h"
#include "kernels/conv_kernel.h"

namespace quench::kernels {

/// A convolution of a batch of images, for weights that change from batch to batch: what a training step and evaluation
/// compute forward. A linear layer is a 1x1 convolution of images of one pixel.
class BatchConv {
 public:
  /// Whether packing the weights takes much less time than the batch's products, every sum fits in 32 bits, and the CPU has
  /// kernels that are faster than float32.
  /// @param problem       its weights are not read
  /// @param largest_sum   bounds the sum of |weight| of an output channel
  static bool pays(const ConvProblem& problem, std::int64_t batch, std::int64_t largest_sum);

  /// Packs the weights. @throws std::invalid_argument  as make_conv_kernel()
  BatchConv(ConvProblem problem, std::int64_t batch);

  /// out[n, o, y, x] = sum * scale[o] + bias[o], with the sum of the codes' products as an integer and each of the three
  /// operations rounded to float32.
  /// @param bytes  u8 [N, C, H, W] or [N, C]
  /// @param scale  one for each output channel
  /// @param bias   one for each output channel, or empty
  /// @return       f32 [N, O, OH, OW] or [N, O]
  Tensor operator()(const Tensor& bytes, std::span<const float> scale,
                    std::span<const float> bias) const;

  std::string_view name() const { return kernel_->name(); }  ///< of the kernel

 private:
  struct Output;

  std::int64_t channels_, out_channels_, batch_;
  std::int64_t codes_, out_height_, out_width_;  // of an image
  // The batch as the kernel sees it: a 1x1 convolution gets other numbers of pixels at once.
  std::int64_t images_, image_codes_, image_pixels_;
  std::unique_ptr<ConvKernel> kernel_;
};

}  // namespace quench::kernels
