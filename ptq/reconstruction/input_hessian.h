#pragma once

#include <cstdint>
#include <vector>

#include "core/ops/conv2d.h"
#include "core/tensor.h"
#include "ptq/reconstruction/double_matrix.h"

namespace quench::ptq {

/// The Hessian of a layer's squared output error with respect to its weights; it is the same for
/// all output channels of a group:
///
///   H = 2 / N sum over images and positions of col col^T
///
/// where col is the receptive field of one position, in the order channel, ky, kx; padding is 0. A
/// linear layer has one position. Sums are in double and in a fixed order.
class InputHessian {
 public:
  /// @param weight  [O, C/groups, KH, KW], or [O, F] of a linear layer, which ignores `params`
  InputHessian(const Shape& weight, const Conv2dParams& params);

  /// @param input  [N, C, H, W], or [N, F]
  void add(const Tensor& input);
  /// One for each group.
  /// @throws std::logic_error  before any image was added
  std::vector<SquareMatrix> matrices() const;
  /// Kernel positions over all images.
  std::int64_t positions() const { return positions_; }
  std::int64_t images() const { return images_; }

 private:
  Shape weight_;
  Conv2dParams params_;
  std::int64_t images_ = 0, positions_ = 0;
  std::vector<SquareMatrix> sums_;
};

}  // namespace quench::ptq
