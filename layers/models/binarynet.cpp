#include "layers/models/binarynet.h"

#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/models/blocks.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "support/error.h"

namespace quench::layers::models {
namespace {

class BinaryNetBuilder {
 public:
  BinaryNetBuilder(const BinaryNetOptions& options, Random& random)
      : options_(options),
        random_(random),
        channels_(options.in_channels),
        size_(options.image_size) {}

  std::unique_ptr<Module> build() {
    conv(128, options_.first_pad);
    conv(128, true, Pool::yes);
    conv(256, true);
    conv(256, true, Pool::yes);
    conv(512, true);
    conv(512, true, Pool::yes);
    network_->append("flatten", std::make_shared<Flatten>());
    channels_ *= size_ * size_;
    linear(scaled(1024), options_.activation);
    linear(scaled(1024), options_.activation);
    classifier();
    return std::move(network_);
  }

 private:
  enum class Pool : bool { no, yes };

  std::int64_t scaled(std::int64_t channels) const {
    return scaled_channels(channels, options_.width);
  }

  BatchNormParams norm(Activation activation) const {
    return {.eps = 1e-4f, .momentum = 0.1f, .activation = activation};
  }

  void conv(std::int64_t out_channels, bool padded, Pool pool = Pool::no) {
    const std::string number = std::to_string(++index_);
    const int pad = padded ? 1 : 0;
    const Conv2dOptions conv{.in_channels = channels_,
                             .out_channels = scaled(out_channels),
                             .kernel_size = {3, 3},
                             .params = {.padding = {pad, pad, pad, pad}}};
    network_->append("conv" + number, std::make_shared<Conv2d>(conv, random_));
    size_ += 2 * pad - 2;
    if (pool == Pool::yes) {
      network_->append("pool" + number,
                       std::make_shared<MaxPool2d>(Window2d{.kernel = {2, 2}, .stride = {2, 2}}));
      size_ /= 2;
    }
    channels_ = conv.out_channels;
    network_->append("bn" + number,
                     std::make_shared<BatchNorm>(channels_, norm(options_.activation)));
  }

  void linear(std::int64_t out_features, Activation activation) {
    const std::string number = std::to_string(++index_);
    network_->append(
        "fc" + number,
        std::make_shared<Linear>(
            LinearOptions{.in_features = channels_, .out_features = out_features}, random_));
    channels_ = out_features;
    network_->append("bn" + number, std::make_shared<BatchNorm>(channels_, norm(activation)));
  }

  void classifier() {
    if (options_.activation != Activation::relu) return linear(options_.classes, Activation::none);
    network_->append(
        "fc" + std::to_string(++index_),
        std::make_shared<Linear>(
            LinearOptions{.in_features = channels_, .out_features = options_.classes, .bias = true},
            random_));
  }

  const BinaryNetOptions& options_;
  Random& random_;
  std::unique_ptr<Sequential> network_ = std::make_unique<Sequential>();
  std::int64_t channels_;
  std::int64_t size_;
  int index_ = 0;
};

}  // namespace

std::unique_ptr<Module> binarynet(const BinaryNetOptions& options, Random& random) {
  require(options.width > 0.0, "binarynet: expected width > 0, got {}", options.width);
  require(options.image_size >= 8 && options.image_size % 8 == 0,
          "binarynet: expected an image size that is a multiple of 8, got {}", options.image_size);
  require(options.first_pad || options.image_size >= 16,
          "binarynet: expected images of at least 16 x 16 without padding, got {}",
          options.image_size);
  return BinaryNetBuilder(options, random).build();
}

std::unique_ptr<Module> make_binarynet(Settings& settings, const ModelInput& input,
                                       Random& random) {
  require(input.height == input.width, "binarynet: expected square images, got {} x {}",
          input.height, input.width);
  return binarynet(
      {.width = read_width(settings),
       .in_channels = input.channels,
       .image_size = input.height,
       .classes = input.classes,
       .activation = parse_activation(
           settings.choice({"activation", "hardtanh under a sign, or relu for a float network"},
                           "hardtanh", {"hardtanh", "relu"})),
       .first_pad =
           settings.choice({"first_pad", "pad the first convolution, or not (BinaryNet.tf)"},
                           "same", {"same", "valid"}) == "same"},
      random);
}

}  // namespace quench::layers::models
