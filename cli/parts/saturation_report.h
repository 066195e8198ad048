#pragma once

#include <cstdint>
#include <string>

#include "datasets/loader.h"
#include "deploy/network/integer_network.h"

namespace quench::command {

/// Of a convolution, the share of pairs of products that leave 16 bits for some image, and so
/// saturate in int8 kernels on a CPU without VNNI: "never", or "3.1 % of pairs".
std::string saturation_text(const deploy::IntegerNetwork& network,
                            const deploy::Operation& operation);

/// One line on how many layers that concerns.
void print_saturation_summary(const deploy::IntegerNetwork& network);

/// Shows all images to the network as it is and as those kernels would compute it, and prints both
/// accuracies.
void print_emulation(const deploy::IntegerNetwork& network, datasets::Loader& images);

}  // namespace quench::command
