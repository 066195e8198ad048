#pragma once

#include "core/safetensors.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// The 1-bit network CNV for CIFAR-10 (Umuroglu et al. 2017, "FINN", arXiv:1612.07119) as published
/// in Xilinx/BNN-PYNQ: six 3x3 convolutions without padding, a 2x2 max pool after the second and
/// the fourth, and three linear layers.
///
/// A layer "name" has "name.weight" (s8, -1 and +1; [O, I, KH, KW] or [O, I]) and "name.threshold"
/// (f32, [O]), which includes its batch norm: the activation is +1 if the sum exceeds the
/// threshold, else -1. The last layer has no threshold; its sums are the logits. The file
/// determines the numbers of channels.
///
/// The network takes images normalized as x = RGB / 127.5 - 1 ("tf") and rounds them down to
/// multiples of 1/128, at most 127/128, as in training. All its arithmetic is exact.
/// @throws std::runtime_error  naming the tensor, if it is missing, has another type or shape, a
///                             weight other than -1 and +1, or a threshold that is not a multiple
///                             of half a unit of the sums
IntegerNetwork import_cnv(const TensorFile& file);

}  // namespace quench::deploy
