#pragma once

// Private to the freeze*.cpp files.

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"

namespace quench::deploy {

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

/// The steps of an image of `channels`, of those behind its Flatten, which count every number.
/// @throws std::invalid_argument  naming `reader`, if they differ from pixel to pixel
Steps per_channel(Steps steps, std::int64_t channels, const std::string& reader);

/// Whether 0 stays 0 in every channel.
bool keeps_zero(const Steps& steps);
/// By channel, 1 where larger numbers become smaller; empty if nowhere.
std::vector<std::uint8_t> falling_channels(const Steps& steps);

}  // namespace quench::deploy
