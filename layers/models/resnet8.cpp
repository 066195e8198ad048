#include "layers/models/resnet8.h"

#include <string>

#include "core/error.h"
#include "layers/linear.h"
#include "layers/models/basic_block.h"
#include "layers/models/scaled_channels.h"
#include "layers/pool.h"
#include "layers/sequential.h"

namespace quench::models {

std::unique_ptr<Module> resnet8(const ResNet8Options& options, Random& random) {
  require(options.width > 0.0, "resnet8: expected width > 0, got {}", options.width);
  constexpr float kEps = 1e-3f, kMomentum = 0.1f;

  auto network = std::make_unique<Sequential>();
  std::int64_t channels = scaled_channels(16, options.width);
  network->append("conv1",
                  std::make_shared<Conv2d>(Conv2dOptions{.in_channels = options.in_channels,
                                                         .out_channels = channels,
                                                         .params = {.padding = {1, 1, 1, 1}}},
                                           random));
  network->append("bn1", std::make_shared<BatchNorm>(
                             channels, BatchNormParams{.eps = kEps,
                                                       .momentum = kMomentum,
                                                       .activation = Activation::relu}));
  for (int stack = 1; stack <= 3; ++stack) {
    const BasicBlockOptions block{.in_channels = channels,
                                  .out_channels = scaled_channels(8 << stack, options.width),
                                  .stride = stack == 1 ? 1 : 2,
                                  .eps = kEps,
                                  .momentum = kMomentum};
    network->append("stack" + std::to_string(stack), std::make_shared<BasicBlock>(block, random));
    channels = block.out_channels;
  }
  network->append("pool", std::make_shared<GlobalAveragePool>());
  network->append("fc", std::make_shared<Linear>(LinearOptions{.in_features = channels,
                                                               .out_features = options.classes,
                                                               .bias = true},
                                                 random));
  return network;
}

}  // namespace quench::models
