#pragma once

#include "core/ops/local_response_norm.h"
#include "layers/module.h"

namespace quench::layers {

// Normalizations by the current image, in training and evaluation alike. They have no integer form:
// a batch norm in evaluation is two constants per channel, these are not.

/// group_norm() of core/ops/group_norm.h as a layer, with trained gain and bias. It normalizes over
/// the pixels of a group of channels or, with one group, over the channels of each pixel (layer
/// normalization of Ba et al. 2016, arXiv:1607.06450, as in ConvNeXt).
class GroupNorm final : public Module {
 public:
  enum class Over : std::uint8_t { image, pixel };

  struct Options {
    std::int64_t channels = 0;
    std::int64_t groups = 1;
    float eps = 1e-5f;
    Over over = Over::image;
  };
  /// @throws std::invalid_argument  for groups that do not divide the channels, for several groups
  ///                                per pixel, or for eps < 0
  explicit GroupNorm(const Options& options);
  const Options& options() const { return options_; }
  const Variable& gain() const { return gain_; }
  const Variable& bias() const { return bias_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Options options_;
  Variable& gain_;
  Variable& bias_;
};

/// local_response_norm() of core/ops/local_response_norm.h as a layer.
class LocalResponseNorm final : public Module {
 public:
  /// @throws std::invalid_argument  for a size below 1
  explicit LocalResponseNorm(const LocalResponseParams& params);
  const LocalResponseParams& params() const { return params_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  LocalResponseParams params_;
};

}  // namespace quench::layers
