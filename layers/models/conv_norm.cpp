#include "layers/models/conv_norm.h"

#include "layers/linear.h"
#include "layers/pool.h"

namespace quench::models {

NormOptions read_norm_options(const Settings& settings, const NormOptions& fallback) {
  const auto number = [&settings](const char* key, float value) {
    return static_cast<float>(settings.number(key, static_cast<double>(value), above(0.0, 1.0)));
  };
  return {.eps = number("bn_eps", fallback.eps),
          .momentum = number("bn_momentum", fallback.momentum)};
}

std::shared_ptr<Conv2d> make_conv(const ConvSpec& spec, Random& random) {
  return std::make_shared<Conv2d>(
      Conv2dOptions{.in_channels = spec.in_channels,
                    .out_channels = spec.out_channels,
                    .kernel_size = {spec.kernel_size, spec.kernel_size},
                    .params = {.stride = {spec.stride, spec.stride},
                               .padding = spec.padding,
                               .groups = spec.depthwise ? static_cast<int>(spec.in_channels) : 1},
                    .bias = spec.bias},
      random);
}

std::shared_ptr<BatchNorm> make_norm(std::int64_t channels, const NormOptions& norm,
                                     Activation activation) {
  return std::make_shared<BatchNorm>(
      channels,
      BatchNormParams{.eps = norm.eps, .momentum = norm.momentum, .activation = activation});
}

std::shared_ptr<Sequential> conv_norm(const ConvSpec& spec, const NormOptions& norm,
                                      Activation activation, Random& random) {
  auto result = std::make_shared<Sequential>();
  result->append("conv", make_conv(spec, random));
  result->append("bn", make_norm(spec.out_channels, norm, activation));
  return result;
}

std::shared_ptr<Module> subsample(int stride) {
  return std::make_shared<MaxPool2d>(Window2d{.stride = {stride, stride}});
}

void append_classifier(Sequential& network, const std::string& name, std::int64_t channels,
                       std::int64_t classes, Random& random) {
  network.append("pool", std::make_shared<GlobalAveragePool>());
  network.append(
      name,
      std::make_shared<Linear>(
          LinearOptions{.in_features = channels, .out_features = classes, .bias = true}, random));
}

}  // namespace quench::models
