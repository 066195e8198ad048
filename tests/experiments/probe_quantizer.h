#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "datasets/images.h"
#include "datasets/loader.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "quant/quantizer.h"

namespace quench::experiments {

/// Rounds to integers in [-127, 127], and records its inputs.
class Probe final : public quant::Quantizer, quant::Calibratable {
 public:
  Probe(quant::Role role, bool calibratable,
        quant::Granularity granularity = quant::Granularity::per_tensor)
      : Quantizer({.role = role, .granularity = granularity, .slot = "probe"}),
        calibratable_(calibratable) {}

  quant::QuantGrid grid() const override { return {}; }
  void observe(const Tensor& x) override { observed.push_back(x.numel()); }
  quant::Calibratable* calibratable() override { return calibratable_ ? this : nullptr; }
  void calibrate(std::span<const quant::ValueRange> given) override {
    ranges.assign(given.begin(), given.end());
  }

  std::vector<quant::ValueRange> ranges;  ///< of the last calibrate()
  std::vector<std::int64_t> observed;     ///< numbers of elements

 protected:
  Variable train_forward(const Variable& x) override { return x; }

 private:
  bool calibratable_;
};

/// Ten images of one pixel with values 0, 7, ..., 63.
inline std::unique_ptr<datasets::Loader> ten_pixels(std::int64_t batch_size) {
  return std::make_unique<datasets::Loader>(datasets::counting_images(10, {1, 1, 1}, 3),
                                            datasets::Transform{.mean = {0.0f}, .std = {1.0f}},
                                            datasets::LoaderOptions{.batch_size = batch_size});
}

/// Two layers: (a x, b x - 20, c x - 80), and a sum of these.
struct TwoLayers {
  explicit TwoLayers(const std::vector<float>& abc) {
    Random random(1, "test");
    first = network.append(
        "first", std::make_shared<layers::Conv2d>(
                     layers::Conv2dOptions{
                         .in_channels = 1, .out_channels = 3, .kernel_size = {1, 1}, .bias = true},
                     random));
    second = network.append(
        "second",
        std::make_shared<layers::Conv2d>(
            layers::Conv2dOptions{.in_channels = 3, .out_channels = 1, .kernel_size = {1, 1}},
            random));
    const std::vector<float> bias{0, -20, -80}, ones{1, 1, 1};
    set(0, Tensor::from_row_major<float>({3, 1, 1, 1}, abc));
    set(1, Tensor::from_row_major<float>({3}, bias));
    set(2, Tensor::from_row_major<float>({1, 3, 1, 1}, ones));
  }

  /// Fills a slot; the reference lives as long as the network.
  static Probe& probe_input(layers::QuantizedLayer& layer, bool calibratable = true) {
    auto probe = std::make_unique<Probe>(quant::Role::activation, calibratable);
    Probe& result = *probe;
    layer.set_input_quantizer(std::move(probe));
    return result;
  }
  static Probe& probe_weight(layers::QuantizedLayer& layer, bool calibratable = true,
                             quant::Granularity granularity = quant::Granularity::per_tensor) {
    auto probe = std::make_unique<Probe>(quant::Role::weight, calibratable, granularity);
    Probe& result = *probe;
    layer.set_weight_quantizer(std::move(probe));
    return result;
  }

  layers::Sequential network;
  std::shared_ptr<layers::Conv2d> first, second;

 private:
  void set(std::size_t index, const Tensor& value) {
    network.parameters()[index].value.mutable_value().copy_from(value);
  }
};

}  // namespace quench::experiments
