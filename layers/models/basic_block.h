#pragma once

#include <cstdint>
#include <memory>

#include "core/random.h"
#include "layers/add.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/module.h"

namespace quench::models {

/// Sizes of a BasicBlock; in_channels and out_channels have to be given.
struct BasicBlockOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  int stride = 1;  ///< of the first convolution and the shortcut
  float eps = 1e-5f;
  float momentum = 0.1f;  ///< of both batch norms, as in BatchNormParams
};

/// The residual block of two 3x3 convolutions (He et al. 2015, arXiv:1512.03385, fig. 2):
/// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), from [N, I, H, W] to [N, O, OH, OW] with
/// OH = ceil(H / stride), OW likewise.
///
/// The shortcut is x itself where the shapes agree, and else a 1x1 convolution with the stride,
/// without bias or batch norm (the paper's option B).
class BasicBlock final : public Module {
 public:
  /// @throws std::invalid_argument  for channels or a stride < 1
  BasicBlock(const BasicBlockOptions& options, Random& random);

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm> bn1_;
  std::shared_ptr<Conv2d> conv2_;
  std::shared_ptr<BatchNorm> bn2_;
  std::shared_ptr<Conv2d> shortcut_;  // null for the identity
  std::shared_ptr<Add> add_;
};

}  // namespace quench::models
