#pragma once

#include <array>

#include "layers/models/source_names.h"

// What other projects call the parts of MobileNet v1, v2 and MNasNet.
namespace quench::models {

/// timm's depthwise-separable blocks "blocks.<stage>.<block>", common to all three.
inline constexpr std::array kTimmMobileNetV1{
    Rename{"conv1.conv", "conv_stem"},
    Rename{"conv1.bn", "bn1"},
    Rename{"block1", "blocks.0.0"},
    Rename{"block2", "blocks.1.0"},
    Rename{"block3", "blocks.1.1"},
    Rename{"block4", "blocks.2.0"},
    Rename{"block5", "blocks.2.1"},
    Rename{"block6", "blocks.3.0"},
    Rename{"block7", "blocks.3.1"},
    Rename{"block8", "blocks.3.2"},
    Rename{"block9", "blocks.3.3"},
    Rename{"block10", "blocks.3.4"},
    Rename{"block11", "blocks.3.5"},
    Rename{"block12", "blocks.4.0"},
    Rename{"block13", "blocks.4.1"},
    Rename{"blocks.{s}.{b}.dw.conv", "blocks.{s}.{b}.conv_dw"},
    Rename{"blocks.{s}.{b}.dw.bn", "blocks.{s}.{b}.bn1"},
    Rename{"blocks.{s}.{b}.pw.conv", "blocks.{s}.{b}.conv_pw"},
    Rename{"blocks.{s}.{b}.pw.bn", "blocks.{s}.{b}.bn2"},
    Rename{"fc", "classifier"},
};

/// The first block has no expansion, and so other places for the rest.
inline constexpr std::array kTorchvisionMobileNetV2{
    Rename{"conv1.conv", "features.0.0"},
    Rename{"conv1.bn", "features.0.1"},
    Rename{"block0.dw.conv", "features.1.conv.0.0"},
    Rename{"block0.dw.bn", "features.1.conv.0.1"},
    Rename{"block0.project.conv", "features.1.conv.1"},
    Rename{"block0.project.bn", "features.1.conv.2"},
    Rename{"block{n}.expand.conv", "features.{n+1}.conv.0.0"},
    Rename{"block{n}.expand.bn", "features.{n+1}.conv.0.1"},
    Rename{"block{n}.dw.conv", "features.{n+1}.conv.1.0"},
    Rename{"block{n}.dw.bn", "features.{n+1}.conv.1.1"},
    Rename{"block{n}.project.conv", "features.{n+1}.conv.2"},
    Rename{"block{n}.project.bn", "features.{n+1}.conv.3"},
    Rename{"conv_last.conv", "features.18.0"},
    Rename{"conv_last.bn", "features.18.1"},
    Rename{"fc", "classifier.1"},
};

inline constexpr std::array kTimmMobileNetV2{
    Rename{"conv1.conv", "conv_stem"},
    Rename{"conv1.bn", "bn1"},
    Rename{"block0.dw.conv", "blocks.0.0.conv_dw"},
    Rename{"block0.dw.bn", "blocks.0.0.bn1"},
    Rename{"block0.project.conv", "blocks.0.0.conv_pw"},
    Rename{"block0.project.bn", "blocks.0.0.bn2"},
    Rename{"block1", "blocks.1.0"},
    Rename{"block2", "blocks.1.1"},
    Rename{"block3", "blocks.2.0"},
    Rename{"block4", "blocks.2.1"},
    Rename{"block5", "blocks.2.2"},
    Rename{"block6", "blocks.3.0"},
    Rename{"block7", "blocks.3.1"},
    Rename{"block8", "blocks.3.2"},
    Rename{"block9", "blocks.3.3"},
    Rename{"block10", "blocks.4.0"},
    Rename{"block11", "blocks.4.1"},
    Rename{"block12", "blocks.4.2"},
    Rename{"block13", "blocks.5.0"},
    Rename{"block14", "blocks.5.1"},
    Rename{"block15", "blocks.5.2"},
    Rename{"block16", "blocks.6.0"},
    Rename{"blocks.{s}.{b}.expand.conv", "blocks.{s}.{b}.conv_pw"},
    Rename{"blocks.{s}.{b}.expand.bn", "blocks.{s}.{b}.bn1"},
    Rename{"blocks.{s}.{b}.dw.conv", "blocks.{s}.{b}.conv_dw"},
    Rename{"blocks.{s}.{b}.dw.bn", "blocks.{s}.{b}.bn2"},
    Rename{"blocks.{s}.{b}.project.conv", "blocks.{s}.{b}.conv_pwl"},
    Rename{"blocks.{s}.{b}.project.bn", "blocks.{s}.{b}.bn3"},
    Rename{"conv_last.conv", "conv_head"},
    Rename{"conv_last.bn", "bn2"},
    Rename{"fc", "classifier"},
};

inline constexpr std::array kTorchvisionMNasNet{
    Rename{"conv1.conv", "layers.0"},
    Rename{"conv1.bn", "layers.1"},
    Rename{"block0.dw.conv", "layers.3"},
    Rename{"block0.dw.bn", "layers.4"},
    Rename{"block0.project.conv", "layers.6"},
    Rename{"block0.project.bn", "layers.7"},
    Rename{"block1", "layers.8.0"},
    Rename{"block2", "layers.8.1"},
    Rename{"block3", "layers.8.2"},
    Rename{"block4", "layers.9.0"},
    Rename{"block5", "layers.9.1"},
    Rename{"block6", "layers.9.2"},
    Rename{"block7", "layers.10.0"},
    Rename{"block8", "layers.10.1"},
    Rename{"block9", "layers.10.2"},
    Rename{"block10", "layers.11.0"},
    Rename{"block11", "layers.11.1"},
    Rename{"block12", "layers.12.0"},
    Rename{"block13", "layers.12.1"},
    Rename{"block14", "layers.12.2"},
    Rename{"block15", "layers.12.3"},
    Rename{"block16", "layers.13.0"},
    Rename{"layers.{s}.{b}.expand.conv", "layers.{s}.{b}.layers.0"},
    Rename{"layers.{s}.{b}.expand.bn", "layers.{s}.{b}.layers.1"},
    Rename{"layers.{s}.{b}.dw.conv", "layers.{s}.{b}.layers.3"},
    Rename{"layers.{s}.{b}.dw.bn", "layers.{s}.{b}.layers.4"},
    Rename{"layers.{s}.{b}.project.conv", "layers.{s}.{b}.layers.6"},
    Rename{"layers.{s}.{b}.project.bn", "layers.{s}.{b}.layers.7"},
    Rename{"conv_last.conv", "layers.14"},
    Rename{"conv_last.bn", "layers.15"},
    Rename{"fc", "classifier.1"},
};

inline constexpr std::array kTimmMNasNet{
    Rename{"conv1.conv", "conv_stem"},
    Rename{"conv1.bn", "bn1"},
    Rename{"block0.dw.conv", "blocks.0.0.conv_dw"},
    Rename{"block0.dw.bn", "blocks.0.0.bn1"},
    Rename{"block0.project.conv", "blocks.0.0.conv_pw"},
    Rename{"block0.project.bn", "blocks.0.0.bn2"},
    Rename{"block1", "blocks.1.0"},
    Rename{"block2", "blocks.1.1"},
    Rename{"block3", "blocks.1.2"},
    Rename{"block4", "blocks.2.0"},
    Rename{"block5", "blocks.2.1"},
    Rename{"block6", "blocks.2.2"},
    Rename{"block7", "blocks.3.0"},
    Rename{"block8", "blocks.3.1"},
    Rename{"block9", "blocks.3.2"},
    Rename{"block10", "blocks.4.0"},
    Rename{"block11", "blocks.4.1"},
    Rename{"block12", "blocks.5.0"},
    Rename{"block13", "blocks.5.1"},
    Rename{"block14", "blocks.5.2"},
    Rename{"block15", "blocks.5.3"},
    Rename{"block16", "blocks.6.0"},
    Rename{"blocks.{s}.{b}.expand.conv", "blocks.{s}.{b}.conv_pw"},
    Rename{"blocks.{s}.{b}.expand.bn", "blocks.{s}.{b}.bn1"},
    Rename{"blocks.{s}.{b}.dw.conv", "blocks.{s}.{b}.conv_dw"},
    Rename{"blocks.{s}.{b}.dw.bn", "blocks.{s}.{b}.bn2"},
    Rename{"blocks.{s}.{b}.project.conv", "blocks.{s}.{b}.conv_pwl"},
    Rename{"blocks.{s}.{b}.project.bn", "blocks.{s}.{b}.bn3"},
    Rename{"conv_last.conv", "conv_head"},
    Rename{"conv_last.bn", "bn2"},
    Rename{"fc", "classifier"},
};

inline constexpr std::array kMobileNetV1Sources{kOwnNames, SourceNames{"timm", kTimmMobileNetV1}};
inline constexpr std::array kMobileNetV2Sources{kOwnNames,
                                                SourceNames{"torchvision", kTorchvisionMobileNetV2},
                                                SourceNames{"timm", kTimmMobileNetV2}};
inline constexpr std::array kMNasNetSources{
    kOwnNames, SourceNames{"torchvision", kTorchvisionMNasNet}, SourceNames{"timm", kTimmMNasNet}};

}  // namespace quench::models
