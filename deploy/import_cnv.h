#pragma once

#include "core/safetensors.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// The 1-bit network CNV for CIFAR-10 (Umuroglu et al. 2017, "FINN", arXiv:1612.07119) as others
/// trained it and Xilinx/BNN-PYNQ publishes it: six 3x3 convolutions without padding, a 2x2 max pool
/// behind the second and the fourth, and three linear layers.
///
/// A layer "name" has "name.weight" (s8, -1 and +1; [O, I, KH, KW] or [O, I]) and, but for the last,
/// whose sums are the logits, "name.threshold" (f32, [O]), in which a batch norm has ended: its
/// activation is +1 where the sum exceeds the threshold, else -1. Channels are what the file says.
///
/// The network takes images normalized as x = RGB / 127.5 - 1 ("tf") and keeps them rounded down to
/// multiples of 1/128, at most 127/128, as it was trained. All that it computes is exact.
/// @throws std::runtime_error  naming the tensor that is missing, of another type or shape, or that
///                             holds another weight, or a threshold between those that half a unit
///                             of the sums can tell apart
IntegerNetwork import_cnv(const TensorFile& file);

}  // namespace quench::deploy
