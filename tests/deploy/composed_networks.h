#pragma once

#include <memory>

#include "layers/module.h"

namespace quench::testing {

/// Side of the images [N, 3, 12, 12] that these networks take; each has ten classes.
inline constexpr std::int64_t kComposedSide = 12;

/// Squeeze-and-excitation (Hu et al. 2018) with the functions of MobileNet v3: hard swish after the
/// first convolution, a gate of hard sigmoid that multiplies its maps, on either side of a product,
/// and a product of two images.
std::unique_ptr<layers::Module> squeeze_excite_network();

/// DenseNet's blocks: concatenations of all previous values, each read through a batch norm, after a max
/// pool of batch-normed values and an average pool.
std::unique_ptr<layers::Module> dense_network();

/// Everything else: scales and shifts, by images, by one value, and either without the other; zeros
/// around images and channels, before a convolution and an average pool; leaky ReLU, clip, sigmoid;
/// batch norm after a flatten; a max pool after a concatenation.
std::unique_ptr<layers::Module> mixed_network();

/// Branches of channels: a split whose parts are subtracted and compared, a shuffle after a
/// concatenation, PReLU, GELU, nearest-neighbour upsampling.
std::unique_ptr<layers::Module> branching_network();

/// Images whose pixels move: mirrored and turned around, channels that become pixels and pixels that become
/// channels, each before or after a batch norm; a transposed convolution, as zeros and a convolution.
std::unique_ptr<layers::Module> moving_network();

}  // namespace quench::testing
