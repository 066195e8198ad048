#include <algorithm>
#include <cstring>
#include <vector>

#include "deploy/engine/engine_steps.h"
#include "deploy/engine/places.h"
#include "deploy/engine/plain_outputs.h"

namespace quench::deploy {
namespace {

using Step = Engine::Step;

class AveragePoolStep final : public Step {
 public:
  AveragePoolStep(const IntegerNetwork& network, const Operation& operation)
      : input_(operation.inputs[0]),
        grid_(*network.values[input_].grid),
        pooling_(network.values[input_], network.values[operation.outputs[0].value],
                 std::get<AveragePool>(operation.kind).window),
        outputs_(network, operation, largest_real(grid_)) {}

  void run(const Memory& memory) override {
    const auto* in = reinterpret_cast<const std::uint8_t*>(memory.values[input_]);
    const std::int64_t channels = pooling_.geometry.channels;
    for_each_strip(pooling_.places(), 1, [&](std::int64_t place, std::int64_t) {
      std::vector<std::int32_t> sums(static_cast<std::size_t>(channels));
      const std::int64_t count = pooling_.for_each_pixel(place, [&](std::int64_t pixel) {
        const std::uint8_t* from = in + pixel * channels;
        std::int32_t* to = sums.data();
#pragma omp simd
        for (std::int64_t c = 0; c < channels; ++c) to[c] += from[c];
      });
      std::vector<float> reals(sums.size());
      const auto shift = static_cast<std::int32_t>(count) * (grid_.qmin - grid_.zero_point[0]);
      for (std::size_t c = 0; c < sums.size(); ++c) {
        const float mean = static_cast<float>(sums[c] + shift) / static_cast<float>(count);
        reals[c] = grid_.scale[0] * mean + grid_.offset;
      }
      outputs_.write(memory, reals.data(), place, 1);
    });
  }

 private:
  ValueId input_;
  quant::QuantGrid grid_;
  Pooling pooling_;
  PlainOutputs outputs_;
};

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const IntegerNetwork& network, const Operation& operation)
      : MaxPoolStep(network, operation, std::get<MaxPool>(operation.kind)) {}

  void run(const Memory& memory) override {
    const auto* in = reinterpret_cast<const std::uint8_t*>(memory.values[input_]);
    auto* out = reinterpret_cast<std::uint8_t*>(memory.values[output_]);
    const std::int64_t channels = pooling_.geometry.channels;
    for_each_strip(pooling_.places(), pooling_.geometry.out_width,
                   [&](std::int64_t first, std::int64_t count) {
                     for (std::int64_t place = first; place < first + count; ++place)
                       pool(in, place, out + place * channels);
                   });
  }

 private:
  MaxPoolStep(const IntegerNetwork& network, const Operation& operation, const MaxPool& pool)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        pooling_(network.values[input_], network.values[output_], pool.window),
        flip_(static_cast<std::size_t>(pooling_.geometry.channels)) {
    for (std::size_t c = 0; c < pool.smallest.size(); ++c)
      flip_[c] = pool.smallest[c] != 0 ? 255 : 0;
  }

  /// The smallest byte is the complement of the largest complement.
  void pool(const std::uint8_t* in, std::int64_t place, std::uint8_t* out) const {
    const std::int64_t channels = pooling_.geometry.channels;
    const std::uint8_t* flip = flip_.data();
    std::memset(out, 0, static_cast<std::size_t>(channels));
    pooling_.for_each_pixel(place, [&](std::int64_t pixel) {
      const std::uint8_t* from = in + pixel * channels;
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c)
        out[c] = std::max(out[c], static_cast<std::uint8_t>(from[c] ^ flip[c]));
    });
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) out[c] ^= flip[c];
  }

  ValueId input_, output_;
  Pooling pooling_;
  std::vector<std::uint8_t> flip_;  // by channel
};

}  // namespace

MadeStep make_average_pool_step(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<AveragePoolStep>(network, operation);
}

MadeStep make_max_pool_step(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<MaxPoolStep>(network, operation);
}

}  // namespace quench::deploy
