#include "layers/models/mobile_builder.h"

#include "layers/activation.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "support/error.h"

namespace quench::models {
namespace {

constexpr int kStridesLeftOut = 2;  // of small images
}  // namespace

MobileOptions read_mobile_options(const Settings& settings, const ModelInput& input,
                                  const MobileOptions& fallback) {
  return {.input = input,
          .width = settings.number("width", fallback.width, above(0.0, 16.0)),
          .padding = settings.choice("padding", "same", {"same", "symmetric"}) == "same"
                         ? PadStyle::same
                         : PadStyle::symmetric,
          .small_images = read_small_images(settings, input),
          .activation = parse_activation(
              settings.choice("activation", to_string(fallback.activation), {"relu6", "relu"})),
          .dropout = static_cast<float>(settings.number(
              "dropout", static_cast<double>(fallback.dropout), {.min = 0.0, .max = 0.99})),
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
  height_ = same_size(height_, spec.stride);  // under symmetric padding of an odd kernel too
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
  // Also at 0, so that checkpoints fit whatever the probability is.
  network.append("dropout", std::make_shared<Dropout>(options_.dropout, random_.fork(1)));
  network.append(
      "fc", std::make_shared<Linear>(
                LinearOptions{
                    .in_features = channels_, .out_features = options_.input.classes, .bias = true},
                random_));
}

}  // namespace quench::models
