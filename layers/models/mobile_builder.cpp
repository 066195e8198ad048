#include "layers/models/mobile_builder.h"

#include <algorithm>
#include <string>

#include "layers/activation.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "support/error.h"

namespace quench::layers::models {
namespace {

constexpr int kStridesLeftOut = 2;  // for small images

constexpr std::int64_t kStem = 32, kLast = 1280;

/// The nearest multiple of 8, at least 8 and at least 90 % of `channels` (tf-slim's
/// make_divisible).
std::int64_t rounded(double channels) {
  const std::int64_t nearest =
      std::max<std::int64_t>(8, static_cast<std::int64_t>(channels + 4.0) / 8 * 8);
  return static_cast<double>(nearest) < 0.9 * channels ? nearest + 8 : nearest;
}

std::shared_ptr<Module> make_block(const InvertedResidualRow& row, int stride, std::int64_t out,
                                   Activation activation, MobileBuilder& builder) {
  const std::int64_t in = builder.channels(), height = builder.height();
  auto block = std::make_shared<Residual>();
  if (row.expansion != 1)
    block->append("expand", builder.conv(row.expansion * in, 1, 1, activation));
  block->append("dw", builder.depthwise(row.kernel_size, stride, activation));
  block->append("project", builder.conv(out, 1, 1, Activation::none));
  if (in == out && builder.height() == height) block->join(Activation::none);
  return block;
}

}  // namespace

MobileOptions read_mobile_options(const Settings& settings, const ModelInput& input,
                                  const MobileOptions& fallback) {
  return {.input = input,
          .width = read_width(settings, fallback.width),
          .padding = settings.choice({"padding", "same (TensorFlow) or symmetric (PyTorch)"},
                                     "same", {"same", "symmetric"}) == "same"
                         ? PadStyle::same
                         : PadStyle::symmetric,
          .small_images = read_small_images(settings, input),
          .activation = parse_activation(settings.choice(
              {"activation", "of all layers"}, to_string(fallback.activation), {"relu6", "relu"})),
          .dropout = static_cast<float>(
              settings.number({"dropout", "probability, before the last layer"},
                              static_cast<double>(fallback.dropout), {.min = 0.0, .max = 0.99})),
          .norm = read_norm_options(settings, fallback.norm)};
}

MobileBuilder::MobileBuilder(const MobileOptions& options, Random& random)
    : options_(options),
      random_(random),
      channels_(options.input.channels),
      height_(options.input.height),
      width_(options.input.width) {
  require(options.width > 0.0, "model.width: expected a number > 0, got {}", options.width);
}

int MobileBuilder::effective(int stride) {
  if (stride == 1 || !options_.small_images || strides_left_out_ == kStridesLeftOut) return stride;
  ++strides_left_out_;
  return 1;
}

std::shared_ptr<Sequential> MobileBuilder::conv_norm(ConvSpec spec, Activation activation) {
  spec.in_channels = channels_;
  spec.stride = effective(spec.stride);
  spec.padding = options_.padding == PadStyle::same
                     ? same_padding(spec.kernel_size, spec.stride, height_, width_)
                     : symmetric_padding(spec.kernel_size);
  channels_ = spec.out_channels;
  height_ = same_size(height_, spec.stride);  // also under symmetric padding of an odd kernel
  width_ = same_size(width_, spec.stride);
  return models::conv_norm(spec, options_.norm, activation, random_);
}

std::shared_ptr<Sequential> MobileBuilder::conv(std::int64_t out_channels, int kernel_size,
                                                int stride, Activation activation) {
  return conv_norm({.out_channels = out_channels, .kernel_size = kernel_size, .stride = stride},
                   activation);
}

std::shared_ptr<Sequential> MobileBuilder::depthwise(int kernel_size, int stride,
                                                     Activation activation) {
  return conv_norm(
      {.out_channels = channels_, .kernel_size = kernel_size, .stride = stride, .depthwise = true},
      activation);
}

void MobileBuilder::append_classifier(Sequential& network) {
  network.append("pool", std::make_shared<GlobalAveragePool>());
  // Also for probability 0, so that checkpoints load whatever the probability is.
  network.append("dropout", std::make_shared<Dropout>(options_.dropout, random_.fork(1)));
  network.append(
      "fc", std::make_shared<Linear>(
                LinearOptions{
                    .in_features = channels_, .out_features = options_.input.classes, .bias = true},
                random_));
}

std::unique_ptr<Module> inverted_residual_network(std::span<const InvertedResidualRow> table,
                                                  const MobileOptions& options,
                                                  Activation stem_activation, Random& random) {
  MobileBuilder builder(options, random);
  const auto scaled = [](std::int64_t channels, double width) {
    return rounded(static_cast<double>(channels) * width);
  };
  auto network = std::make_unique<Sequential>();
  network->append("conv1", builder.conv(scaled(kStem, options.width), 3, 2, stem_activation));
  int number = 0;
  for (const InvertedResidualRow& row : table) {
    for (int i = 0; i < row.repeats; ++i) {
      network->append("block" + std::to_string(number++),
                      make_block(row, i == 0 ? row.stride : 1, scaled(row.channels, options.width),
                                 options.activation, builder));
    }
  }
  network->append("conv_last", builder.conv(scaled(kLast, std::max(1.0, options.width)), 1, 1,
                                            options.activation));
  builder.append_classifier(*network);
  return network;
}

}  // namespace quench::layers::models
