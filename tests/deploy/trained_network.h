#pragma once

#include <memory>
#include <string>

#include "layers/attach_quantizers.h"
#include "layers/loss.h"
#include "layers/models/registry.h"
#include "layers/module.h"
#include "layers/random_network.h"
#include "quant/registry.h"

namespace quench::testing {

struct QuantizedCase {
  std::string model;
  double width = 0.125;
  std::int64_t image_size = 16;
  std::string method = "symmetric";
  int bits = 8;
  int weight_bits = 0;  ///< 0: as many
};

/// The method for one role, at the nearest bit width that it supports; if it does not support the role,
/// a plain 8-bit quantizer.
inline Settings role_rule(const QuantizedCase& c, quant::Role role) {
  const quant::StrategyInfo& info = quant::find_strategy(c.method, "test").info;
  if (!info.has(role)) return Settings::from({{"method", "affine"}, {"bits", 8}});
  const auto [min, max] = info.bits(role);
  const int bits = role == quant::Role::weight && c.weight_bits != 0 ? c.weight_bits : c.bits;
  return Settings::from({{"method", c.method}, {"bits", std::clamp(bits, min, max)}});
}

/// Gives batch norms the statistics of `images`, so that values do not grow from block to block.
inline void settle(layers::Module& network, const Tensor& images) {
  for (layers::BatchNorm* norm : layers::batch_norms(network)) norm->set_momentum(1.0f);
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, true, quant::Mode::bypass);
  network(Variable(images));
}

/// Quantizers in every slot that have seen a few batches in training, so that each has its grid; the
/// image has 8 bits, as have sums and pools. Products and functions read what layers read.
inline void train_quantizers(layers::Module& network, const QuantizedCase& c) {
  randomize(network, 17);
  settle(network, random_tensor({4, 3, c.image_size, c.image_size}, 99));
  const auto eight = [](const char* method) {
    return Settings::from({{"method", method}, {"bits", 8}});
  };
  layers::attach_quantizers(network,
                            quant::Policy(Settings::from(
                                {{"weight", role_rule(c, quant::Role::weight)},
                                 {"activation", role_rule(c, quant::Role::activation)},
                                 {"first_layer", Settings::from({{"activation", eight("affine")}})},
                                 {"residual", eight("affine")},
                                 {"pool", eight("affine")},
                                 {"product", role_rule(c, quant::Role::activation)},
                                 {"function", role_rule(c, quant::Role::activation)}})));
  network.set_quantizer_mode(quant::Mode::training);
  layers::for_each_quantizer(network, [](quant::Quantizer& q) {
    q.begin_training({.total_steps = 10, .steps_per_epoch = 5, .adaptive_optimizer = true});
  });
  network.set_training(false);
  const NoGradGuard no_grad;
  for (std::uint64_t batch = 0; batch < 3; ++batch)
    network(Variable(random_tensor({2, 3, c.image_size, c.image_size}, 100 + batch)));
}

/// A small network of the registry with such quantizers.
inline std::unique_ptr<layers::Module> trained_network(const QuantizedCase& c) {
  Random random(5, "test");
  Settings model =
      c.model.starts_with("resnet") ? Settings::from({}) : Settings::from({{"width", c.width}});
  auto network = layers::models::make_model(
      c.model, model, {.height = c.image_size, .width = c.image_size, .classes = 10}, random);
  train_quantizers(*network, c);
  return network;
}

}  // namespace quench::testing
