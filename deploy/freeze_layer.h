#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/layer.h"
#include "layers/quantizable_module.h"

// Private to freeze.cpp: what single layers become, as operations or as steps between them.

namespace quench::deploy {

/// The grid that takes every number to the code that the quantizer of this slot gives it.
/// @param reads_images  whether the slot is that of the network's input, for messages
/// @throws std::invalid_argument  if there is none: no quantizer, a scale by the size of the input
///                                (XNOR-Net), codes that no scale and zero point give
quant::QuantGrid frozen_grid(QuantizableModule& module, std::size_t input, bool reads_images);

/// The operation that a layer with quantizer slots becomes.
/// @param input  the first value it reads
/// @param pool   of the sums of a convolution; null for none
/// @throws std::invalid_argument  for a weight without a quantizer
/// @throws std::logic_error       for a layer without slots, or a CustomLayer
Operation::Kind freeze_layer(const Layer& layer, const Value& input, const Window2d* pool);

/// What lies between the real numbers of an operation and a reader of them, in their order.
using Steps = std::vector<Affine>;

/// As it evaluates with its running statistics. @param folded  into a layer: it only clamps
Affine step_of(const BatchNorm& norm, bool folded);
/// Of one number for each of `channels`.
Affine step_of(const ScaleShift& module, std::int64_t channels);

/// Puts `step` before the others; one step does what two do if that gives the same bits.
void prepend(Affine step, Steps& steps);

/// Those of channels begin..begin + count.
Steps slice(const Steps& steps, std::int64_t begin, std::int64_t count);

/// Those of an input of `channels`, of which an output behind the steps has the `selected`; the others
/// are left alone.
/// @throws std::invalid_argument  naming `reader`, if one of them would have to take two ways
Steps before_selection(const Steps& steps, const std::vector<std::int64_t>& selected,
                       std::int64_t channels, const std::string& reader);

/// The same of a rearrangement of an input of `channels`.
Steps before_rearrangement(const Steps& steps, const Rearrangement& rearrangement,
                           std::int64_t channels, const std::string& reader);

/// The steps of an image of `channels`, of those behind its Flatten, which count every number.
/// @throws std::invalid_argument  naming `reader`, if they differ from pixel to pixel
Steps per_channel(Steps steps, std::int64_t channels, const std::string& reader);

/// Whether 0 stays 0 in every channel.
bool keeps_zero(const Steps& steps);
/// By channel, 1 where larger numbers become smaller; empty if nowhere.
std::vector<std::uint8_t> falling_channels(const Steps& steps);

}  // namespace quench::deploy
