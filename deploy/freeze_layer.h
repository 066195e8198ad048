#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/layer.h"
#include "layers/quantizable_module.h"

// Private to freeze.cpp: converts single layers to operations, or to steps between them.

namespace quench::deploy {

/// The grid whose codes equal those of this slot's quantizer.
/// @param reads_images  whether the slot reads the network's input, for messages
/// @throws std::invalid_argument  if no such grid exists: no quantizer, a scale that depends on the
///                                input (XNOR-Net), or codes that fit no scale and zero point
quant::QuantGrid frozen_grid(layers::QuantizableModule& module, std::size_t input,
                             bool reads_images);

/// Converts a layer with quantizer slots to an operation.
/// @param input  the first value it reads
/// @param pool   pools the sums of a convolution; may be null
/// @throws std::invalid_argument  for a weight without a quantizer
/// @throws std::logic_error       for a layer without slots, or a CustomLayer
Operation::Kind freeze_layer(const layers::Layer& layer, const Value& input, const Window2d* pool);

/// The steps between an operation's real output and one of its readers, in order.
using Steps = std::vector<Affine>;

/// The batch norm with its running statistics. @param folded  into a layer: only its clamp remains
Affine step_of(const layers::BatchNorm& norm, bool folded);
/// The scale and shift of each of `channels` channels.
Affine step_of(const layers::ScaleShift& module, std::int64_t channels);

/// Puts `step` before the others, merged with the first if that gives the same bits.
void prepend(Affine step, Steps& steps);

/// The steps of the channels [begin, begin + count).
Steps slice(const Steps& steps, std::int64_t begin, std::int64_t count);

/// The steps before a selection of channels, given the steps after it. They leave unselected
/// channels unchanged.
/// @throws std::invalid_argument  naming `reader`, if one channel would need two different steps
Steps before_selection(const Steps& steps, const std::vector<std::int64_t>& selected,
                       std::int64_t channels, const std::string& reader);

/// The same for a rearrangement of an input of `channels` channels.
Steps before_rearrangement(const Steps& steps, const Rearrangement& rearrangement,
                           std::int64_t channels, const std::string& reader);

/// The per-channel steps before a Flatten, given the steps after it, which have one value per
/// element.
/// @throws std::invalid_argument  naming `reader`, if they differ between pixels
Steps per_channel(Steps steps, std::int64_t channels, const std::string& reader);

/// Whether 0 stays 0 in every channel.
bool keeps_zero(const Steps& steps);
/// By channel, 1 if the steps reverse the order of values; empty if none does.
std::vector<std::uint8_t> falling_channels(const Steps& steps);

}  // namespace quench::deploy
