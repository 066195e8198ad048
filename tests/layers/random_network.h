#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "core/ops/elementwise.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/module.h"
#include "layers/reference.h"

namespace quench::testing {

/// Draws all parameters and statistics of a network, with gains of both signs and ranges that
/// differ from channel to channel.
inline void randomize(layers::Module& network, std::uint64_t seed) {
  for (layers::Parameter& parameter : network.parameters()) {
    Tensor values = random_tensor(parameter.value.shape(), ++seed, 0.5f);
    if (values.rank() > 1)
      values = multiply_per_slice(
          values, map(random_tensor({values.dim(0)}, ++seed), [](float v) { return std::exp(v); }));
    parameter.value.mutable_value().copy_from(values);
  }
  for (layers::BatchNorm* norm : layers::batch_norms(network)) {
    const Shape channels = norm->running_mean().shape();
    norm->running_mean().copy_from(random_tensor(channels, ++seed));
    norm->running_var().copy_from(
        map(random_tensor(channels, ++seed), [](float v) { return 0.3f + v * v; }));
  }
}

/// A network's output in evaluation, with quantizers bypassed.
inline Tensor evaluated(layers::Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::bypass);
  return network(Variable(images)).value();
}

/// The largest difference, relative to the largest value.
inline double deviation(const Tensor& got, const Tensor& want) {
  double largest = 0.0, size = 0.0;
  for (std::size_t i = 0; i < want.span().size(); ++i) {
    const double a = got.span()[i], b = want.span()[i];
    largest = std::max(largest, std::abs(a - b));
    size = std::max(size, std::abs(b));
  }
  return largest / size;
}

/// Appends conv<n> and bn<n> to a network, one after the other.
class ConvBuilder {
 public:
  ConvBuilder() : random_(3, "test") {}

  ConvBuilder& conv(std::int64_t in, std::int64_t out, int kernel_size, int groups,
                    Activation activation) {
    const std::string number = std::to_string(++count_);
    const int pad = kernel_size / 2;
    network->append(
        "conv" + number,
        std::make_shared<layers::Conv2d>(
            layers::Conv2dOptions{.in_channels = in,
                                  .out_channels = out,
                                  .kernel_size = {kernel_size, kernel_size},
                                  .params = {.padding = {pad, pad, pad, pad}, .groups = groups},
                                  .bias = count_ == 1},
            random_));
    network->append("bn" + number, std::make_shared<layers::BatchNorm>(
                                       out, BatchNormParams{.activation = activation}));
    return *this;
  }

  std::unique_ptr<layers::Sequential> network = std::make_unique<layers::Sequential>();

 private:
  Random random_;
  int count_ = 0;
};

}  // namespace quench::testing
