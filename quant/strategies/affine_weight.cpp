#include <algorithm>

#include "quant/parts/trained_map.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/affine_options.h"
#include "support/error.h"

namespace quench::quant {
namespace {

struct ChannelConstants {
  float scale;
  CodeRange codes;
  Window window;
};

class AffineWeight final : public Quantizer, Calibratable {
 public:
  AffineWeight(const SlotSpec& spec, const AffineOptions& options,
               const std::optional<QuantGrid>& grid)
      : Quantizer(spec),
        options_(options),
        affine_(grid.has_value()),
        grid_(grid ? *grid : signed_narrow_grid(spec.bits)),
        channels_(spec.granularity == Granularity::per_channel
                      ? static_cast<std::size_t>(spec.channels)
                      : 1) {}

  QuantGrid grid() const override {
    expect(observed_, "{}: {} has no grid until it has seen the weight", slot(), method());
    return grid_;
  }

  /// Does not change a calibrated range.
  void observe(const Tensor& x) override {
    if (!calibrated_) measure(x);
  }

  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override {
    require(ranges.size() == channels_, "{}: expected {} ranges, got {}", slot(), channels_,
            ranges.size());
    cover(ranges);
    calibrated_ = true;
  }

  SavedState state() const override {
    if (!calibrated_) return {};
    SavedState state;
    Tensor scale({static_cast<std::int64_t>(channels_)});
    Tensor zero_point({static_cast<std::int64_t>(channels_)});
    std::ranges::copy(grid_.scale, scale.data());
    std::ranges::transform(grid_.zero_point, zero_point.data(),
                           [](std::int32_t z) { return static_cast<float>(z); });
    return {{"calibrated_scale", scale}, {"calibrated_zero_point", zero_point}};
  }
  void load_state(const SavedState& state) override {
    calibrated_ = state.contains("calibrated_scale");
    if (!calibrated_) return;
    const Tensor scale = state_tensor(state, "calibrated_scale", slot());
    const Tensor zero_point = state_tensor(state, "calibrated_zero_point", slot());
    for (const Tensor* entry : {&scale, &zero_point}) {
      require(
          entry->dtype() == DType::f32 && entry->numel() == static_cast<std::int64_t>(channels_),
          "{}: expected a calibrated grid with {} channels, got {}", slot(), channels_,
          entry->shape().to_string());
    }
    grid_.set_channels(channels_, granularity() == Granularity::per_channel);
    for (std::size_t i = 0; i < channels_; ++i) {
      grid_.scale[i] = scale.data()[i];
      grid_.zero_point[i] = static_cast<std::int32_t>(zero_point.data()[i]);
    }
    observed_ = true;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    calibrated_ = false;
    const std::vector<ValueRange> ranges = measure(x.value());
    // The symmetric grid covers the largest weight, so no gradient is masked.
    if (!affine_) return straight_through(x, fake_quantize(x.value(), grid_));
    std::vector<ChannelConstants> constants;
    for (std::size_t i = 0; i < grid_.scale.size(); ++i) {
      const CodeRange codes = centered_range(grid_, i);
      constants.push_back(
          {grid_.scale[i], codes, options_.window(grid_.scale[i], codes, ranges[i])});
    }
    return map_trained<0>(
        x, {}, std::move(constants),
        [](ChannelConstants c) {
          return NearestOnGrid{c.scale, c.codes};
        },
        [](float v, float g, ChannelConstants c) {
          const bool inside = (v >= c.window.low) & (v <= c.window.high);
          return ElementGradient<0>{inside ? g : 0.0f, {}};
        });
  }

 private:
  std::vector<ValueRange> measure(const Tensor& x) {
    std::vector<ValueRange> ranges;
    for (const Extent& reach :
         finite_extents(x, granularity() == Granularity::per_channel, slot())) {
      ranges.push_back(range_of(reach));
    }
    cover(ranges);
    return ranges;
  }

  void cover(std::span<const ValueRange> ranges) {
    grid_.set_channels(ranges.size(), granularity() == Granularity::per_channel);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (affine_) {
        cover_affine(grid_, i, ranges[i]);
      } else {
        cover_symmetric(grid_, i, ranges[i]);
      }
    }
    observed_ = true;
  }

  AffineOptions options_;
  bool affine_;
  QuantGrid grid_;
  std::size_t channels_;
  bool observed_ = false;
  bool calibrated_ = false;
};

}  // namespace

std::unique_ptr<Quantizer> make_affine_weight(const SlotSpec& spec, const AffineOptions& options,
                                              const std::optional<QuantGrid>& grid) {
  return std::make_unique<AffineWeight>(spec, options, grid);
}

}  // namespace quench::quant
