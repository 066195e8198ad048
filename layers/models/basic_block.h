#pragma once

#include <cstdint>
#include <memory>

#include "core/random.h"
#include "layers/models/conv_norm.h"
#include "layers/residual.h"

namespace quench::models {

/// How a shortcut reaches another number of channels, or the size of a stride (He et al. 2015,
/// arXiv:1512.03385, section 4.2).
enum class Shortcut : std::uint8_t {
  pad,        ///< option A: every stride-th pixel, channels of zeros on both sides; no parameters
  conv,       ///< a 1x1 convolution without batch norm
  conv_norm,  ///< option B: a 1x1 convolution and batch norm
};

/// Sizes of a basic block; in_channels and out_channels have to be given.
struct BasicBlockOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  int stride = 1;  ///< of the first convolution and the shortcut
  Shortcut shortcut = Shortcut::conv;
  NormOptions norm;
};

/// The residual block of two 3x3 convolutions (He et al. 2015, fig. 2):
/// relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), from [N, I, H, W] to [N, O, OH, OW] with
/// OH = ceil(H / stride), OW likewise. The shortcut is x itself where the shapes agree.
/// @throws std::invalid_argument  for channels or a stride < 1, or fewer channels out than in of
///                                Shortcut::pad
std::shared_ptr<Residual> basic_block(const BasicBlockOptions& options, Random& random);

}  // namespace quench::models
