#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "layers/models/mobile_builder.h"
#include "layers/module.h"

namespace quench::models {

/// A line of the tables of MobileNet v2 and MNasNet: `repeats` blocks, of which the first has the
/// stride and the others 1.
struct InvertedResidualRow {
  int expansion;
  int kernel_size;
  std::int64_t channels;
  int repeats;
  int stride;
};

/// "conv1", a 3x3 convolution to 32 channels with stride 2; "block0" to "blockN" of the table; a 1x1
/// convolution "conv_last" to 1280; global average pool, dropout, linear layer with bias.
///
/// A block is a 1x1 convolution "expand" to expansion times the channels (none for expansion 1), a
/// depthwise one "dw" and a 1x1 one "project", each with batch norm, the first two with activation;
/// the input is added where shapes agree (Sandler et al. 2018, arXiv:1801.04381, section 3.3).
/// At width w, channels are rounded to the nearest multiple of 8 that is not below 90 %; the last
/// convolution has 1280 max(1, w).
/// @param stem_activation  after conv1
std::unique_ptr<Module> inverted_residual_network(std::span<const InvertedResidualRow> table,
                                                  const MobileOptions& options,
                                                  Activation stem_activation, Random& random);

}  // namespace quench::models
