#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/random.h"
#include "layers/composite.h"
#include "layers/models/blocks.h"
#include "layers/models/model_input.h"
#include "layers/module.h"
#include "support/settings.h"

namespace quench::layers::models {

/// Options that the mobile networks share.
struct MobileOptions {
  ModelInput input{.height = 224, .width = 224, .classes = 1000};
  double width = 1.0;  ///< multiplies channel counts
  PadStyle padding = PadStyle::same;
  /// Replaces the first two strides of 2 by 1, so an image of 32 x 32 has a last map of 4 x 4.
  bool small_images = false;
  Activation activation = Activation::relu6;
  float dropout = 0.0f;  ///< probability, before the classifier
  /// The networks were trained with the new batch weighing 0.0003, which needs some 10,000 steps to
  /// forget the initial statistics: set it for long trainings.
  NormOptions norm{.eps = 1e-3f, .momentum = 0.01f};
};

/// Reads the keys of [model]: width, padding ("same" | "symmetric"), small_images ("auto": up to 64
/// x 64 | "yes" | "no"), activation ("relu6" | "relu"), dropout, bn_eps, bn_momentum.
MobileOptions read_mobile_options(const Settings& settings, const ModelInput& input,
                                  const MobileOptions& fallback);

/// Makes the parts of a mobile network in the order in which they run. Each fits the output of the
/// previous one.
class MobileBuilder {
 public:
  /// @throws std::invalid_argument  for a width <= 0
  MobileBuilder(const MobileOptions& options, Random& random);

  /// Convolution, batch norm and activation.
  std::shared_ptr<Sequential> conv(std::int64_t out_channels, int kernel_size, int stride,
                                   Activation activation);
  std::shared_ptr<Sequential> depthwise(int kernel_size, int stride, Activation activation);
  /// Global average pool, dropout and linear layer.
  void append_classifier(Sequential& network);

  std::int64_t channels() const { return channels_; }
  std::int64_t height() const { return height_; }

 private:
  std::shared_ptr<Sequential> conv_norm(ConvSpec spec, Activation activation);
  int effective(int stride);

  const MobileOptions& options_;
  Random& random_;
  std::int64_t channels_, height_, width_;
  int strides_left_out_ = 0;
};

/// A row of the tables of MobileNet v2 and MNasNet: `repeats` blocks; the first has the stride, the
/// others stride 1.
struct InvertedResidualRow {
  int expansion;
  int kernel_size;
  std::int64_t channels;
  int repeats;
  int stride;
};

/// "conv1", a 3x3 convolution to 32 channels with stride 2; "block0" to "blockN" of the table;
/// "conv_last", a 1x1 convolution to 1280 channels; global average pool, dropout, linear layer with
/// bias.
///
/// A block is a 1x1 convolution "expand", which multiplies the channels by the expansion (absent
/// for expansion 1), a depthwise one "dw" and a 1x1 one "project". Each has a batch norm, the first
/// two also an activation. The input is added where shapes agree (Sandler et al. 2018,
/// arXiv:1801.04381, section 3.3). At width w, channels are rounded to the nearest multiple of 8
/// that is at least 90 %; the last convolution has 1280 max(1, w).
/// @param stem_activation  after conv1
std::unique_ptr<Module> inverted_residual_network(std::span<const InvertedResidualRow> table,
                                                  const MobileOptions& options,
                                                  Activation stem_activation, Random& random);

}  // namespace quench::layers::models
