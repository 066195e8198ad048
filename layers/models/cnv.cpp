#include "layers/models/cnv.h"

#include <string>

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

class CnvBuilder {
 public:
  CnvBuilder(const CnvOptions& options, Random& random)
      : options_(options),
        random_(random),
        channels_(options.in_channels),
        size_(options.image_size) {}

  std::unique_ptr<Module> build() {
    conv("1", 64);
    conv("2", 64);
    pool("2");
    conv("3", 128);
    conv("4", 128);
    pool("4");
    conv("5", 256);
    conv("6", 256);
    network_->append("flatten", std::make_shared<Flatten>());
    channels_ *= size_ * size_;
    linear("1", scaled(512), options_.activation);
    linear("2", scaled(512), options_.activation);
    linear("3", options_.classes, Activation::none);
    return std::move(network_);
  }

 private:
  std::int64_t scaled(std::int64_t channels) const {
    return scaled_channels(channels, options_.width);
  }

  void norm(const std::string& name, Activation activation) {
    network_->append(
        name,
        std::make_shared<BatchNorm>(
            channels_, BatchNormParams{.eps = 1e-4f, .momentum = 0.1f, .activation = activation}));
  }

  void conv(const std::string& number, std::int64_t out_channels) {
    const Conv2dOptions conv{
        .in_channels = channels_, .out_channels = scaled(out_channels), .kernel_size = {3, 3}};
    network_->append("conv" + number, std::make_shared<Conv2d>(conv, random_));
    channels_ = conv.out_channels;
    size_ -= 2;
    norm("conv" + number + "_bn", options_.activation);
  }

  void pool(const std::string& number) {
    network_->append("pool" + number,
                     std::make_shared<MaxPool2d>(Window2d{.kernel = {2, 2}, .stride = {2, 2}}));
    size_ /= 2;
  }

  void linear(const std::string& number, std::int64_t out_features, Activation activation) {
    network_->append(
        "fc" + number,
        std::make_shared<Linear>(
            LinearOptions{.in_features = channels_, .out_features = out_features}, random_));
    channels_ = out_features;
    norm("fc" + number + "_bn", activation);
  }

  const CnvOptions& options_;
  Random& random_;
  std::unique_ptr<Sequential> network_ = std::make_unique<Sequential>();
  std::int64_t channels_;
  std::int64_t size_;
};

}  // namespace

std::unique_ptr<Module> cnv(const CnvOptions& options, Random& random) {
  require(options.width > 0.0, "cnv: expected width > 0, got {}", options.width);
  require(options.image_size >= 32, "cnv: expected images of at least 32 x 32, got {}",
          options.image_size);
  return CnvBuilder(options, random).build();
}

std::unique_ptr<Module> make_cnv(Settings& settings, const ModelInput& input, Random& random) {
  require(input.height == input.width, "cnv: expected square images, got {} x {}", input.height,
          input.width);
  return cnv({.width = read_width(settings),
              .in_channels = input.channels,
              .image_size = input.height,
              .classes = input.classes,
              .activation = parse_activation(settings.choice(
                  {"activation", "hardtanh under a sign, or relu for a float network"}, "hardtanh",
                  {"hardtanh", "relu"}))},
             random);
}

}  // namespace quench::layers::models
