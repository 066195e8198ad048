#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/random.h"
#include "layers/composite.h"
#include "layers/models/blocks.h"
#include "layers/models/model_input.h"
#include "layers/models/source_names.h"
#include "support/settings.h"

namespace quench::layers::models {

/// Where a stage of bottlenecks halves the image.
enum class StrideStyle : std::uint8_t {
  slim,  ///< tf-slim: in the last block of stages 1 to 3, in its 3x3 convolution
  v1,    ///< He et al.: in the first block of stages 2 to 4, in its first 1x1 convolution
  v15,   ///< torchvision, "v1.5": in the same block, in its 3x3 convolution
};

struct ResNetOptions {
  ModelInput input{.height = 224, .width = 224, .classes = 1000};
  StrideStyle stride_style = StrideStyle::v15;  ///< for bottlenecks
  /// The first convolution is 3x3 with stride 1, without the max pool.
  bool small_images = false;
  NormOptions norm;
};

/// Reads the keys of [model]: small_images ("auto": up to 64 x 64 | "yes" | "no"), bn_eps,
/// bn_momentum; and if `bottlenecks`, stride_style ("v15" | "v1" | "slim"; slim's bn_momentum is
/// 0.003).
ResNetOptions read_resnet_options(const Settings& settings, const ModelInput& input,
                                  bool bottlenecks);

/// ResNets for ImageNet (He et al. 2015, arXiv:1512.03385, table 1), with torchvision's names
/// except for "shortcut": a 7x7 convolution to 64 channels with stride 2, a max pool with stride 2,
/// four stages of blocks "layer1.0" and so on, global average pool, linear layer with bias.
///
/// ResNet-18: 11,689,512 parameters, 1.81 G multiply-accumulates for 224 x 224. ResNet-50, with
/// bottlenecks: 25,557,032 and 4.09 G (v15), 3.86 G (v1), 3.49 G (slim). slim pads its max pool as
/// TensorFlow does, the others on all sides.
std::unique_ptr<Module> resnet18(const ResNetOptions& options, Random& random);
std::unique_ptr<Module> resnet50(const ResNetOptions& options, Random& random);
/// Reads the keys of read_resnet_options().
std::unique_ptr<Module> make_resnet18(Settings& settings, const ModelInput& input, Random& random);
std::unique_ptr<Module> make_resnet50(Settings& settings, const ModelInput& input, Random& random);

inline constexpr std::array kTorchvisionResNet{
    Rename{"layer{s}.{b}.shortcut.conv", "layer{s}.{b}.downsample.0"},
    Rename{"layer{s}.{b}.shortcut.bn", "layer{s}.{b}.downsample.1"},
};
inline constexpr std::array kResNetSources{SourceNames{"torchvision and timm", kTorchvisionResNet}};

/// ResNet-50 v2 (He et al. 2016, arXiv:1603.05027, fig. 1b) as tf-slim defines it: batch norm and
/// ReLU precede the convolutions. A block is "preact", conv1, bn1, conv2, bn2 and conv3. conv3 has
/// a bias and no batch norm, and so has the projection, which reads the output of preact; other
/// shortcuts are the input itself. The first convolution has a bias, but no batch norm and no
/// activation; "postnorm" follows the blocks. 25,568,360 parameters.
std::unique_ptr<Module> resnet50_v2(const ResNetOptions& options, Random& random);
/// Reads the keys of read_resnet_options().
std::unique_ptr<Module> make_resnet50_v2(Settings& settings, const ModelInput& input,
                                         Random& random);

}  // namespace quench::layers::models
