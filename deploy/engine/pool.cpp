#include <algorithm>
#include <cstring>
#include <vector>

#include "deploy/engine/epilogue.h"
#include "deploy/engine/places.h"
#include "deploy/engine/prepared_operation.h"

namespace quench::deploy {
namespace {

class PreparedAveragePool final : public PreparedOperation {
 public:
  PreparedAveragePool(const IntegerNetwork& network, const Operation& operation)
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
      std::vector<float> means(sums.size());
      const auto shift = static_cast<std::int32_t>(count) * (grid_.qmin - grid_.zero_point[0]);
      for (std::size_t c = 0; c < sums.size(); ++c) {
        const float mean = static_cast<float>(sums[c] + shift) / static_cast<float>(count);
        means[c] = grid_.scale[0] * mean + grid_.offset;
      }
      outputs_.write(memory, means.data(), place, 1);
    });
  }

 private:
  ValueId input_;
  quant::QuantGrid grid_;
  Pooling pooling_;
  PlainOutputs outputs_;
};

class PreparedMaxPool final : public PreparedOperation {
 public:
  PreparedMaxPool(const IntegerNetwork& network, const Operation& operation)
      : PreparedMaxPool(network, operation, std::get<MaxPool>(operation.kind)) {}

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
  PreparedMaxPool(const IntegerNetwork& network, const Operation& operation, const MaxPool& pool)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        pooling_(network.values[input_], network.values[output_], pool.window),
        flip_(flips_of(pool.smallest, pooling_.geometry.channels)) {}

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
  std::vector<std::uint8_t> flip_;
};

}  // namespace

Prepared prepare_average_pool(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedAveragePool>(network, operation);
}

Prepared prepare_max_pool(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedMaxPool>(network, operation);
}

}  // namespace quench::deploy
