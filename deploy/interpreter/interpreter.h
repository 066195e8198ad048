#pragma once

#include <vector>

#include "core/tensor.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// The values of a batch by ValueId: codes as u8 [N, C, H, W] (q - qmin), the real output as f32.
using Values = std::vector<Tensor>;

/// Runs an integer network with plain loops on integers. It is deliberately slow and simple: it
/// defines the result, and every other implementation must give the same bits.
/// @param images  [N, C, H, W], normalized as in training
/// @throws std::invalid_argument  if the images have another shape, or check_network() rejects the
///                                network
Values interpret(const IntegerNetwork& network, const Tensor& images);

/// Allocates the values of a batch.
Values allocate_values(const IntegerNetwork& network, std::int64_t images);

/// The logits, [N, classes].
Tensor logits_of(const IntegerNetwork& network, const Values& values);

/// @throws std::invalid_argument  unless `images` are [N, C, H, W] f32 of the network's size
void check_images(const IntegerNetwork& network, const Tensor& images);

}  // namespace quench::deploy
