#include "deploy/engine_step.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "deploy/arithmetic.h"
#include "deploy/convolution_step.h"
#include "deploy/epilogue.h"
#include "deploy/places.h"

namespace quench::deploy {
namespace {

using Step = Engine::Step;

/// So many lie in the first-level cache while steps go over them.
constexpr std::int64_t kStripReals = 4096;

/// No real number of these codes is larger in magnitude.
double largest_real(const quant::QuantGrid& grid) {
  return static_cast<double>(quant::largest_code(grid)) * double{grid.scale[0]} +
         std::abs(double{grid.offset});
}

/// @param reach  as of Epilogue
std::vector<Epilogue> plain_epilogues(const IntegerNetwork& network, const Operation& operation,
                                      double reach) {
  std::vector<Epilogue> result;
  for (const Output& output : operation.outputs)
    result.emplace_back(output, network.values[output.value], reach);
  return result;
}

/// Writes the reals [pixels][channels] of a strip to every output.
void write_reals(const Step::Memory& memory, const std::vector<Epilogue>& epilogues,
                 const float* reals, std::int64_t first, std::int64_t pixels) {
  for (const Epilogue& epilogue : epilogues)
    epilogue.run_reals(reals, pixels, pixel_of(memory, epilogue, first));
}

/// Of the bits, so that NaN is larger than any number and the loop is one of integers.
float largest_magnitude(const float* reals, std::int64_t count) {
  std::int32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::bit_cast<std::int32_t>(reals[i]) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

class QuantizeStep final : public Step {
 public:
  QuantizeStep(const IntegerNetwork& network, const Operation& operation)
      : channels_(network.channels),
        pixels_(network.height * network.width),
        epilogues_(plain_epilogues(network, operation, kLargestPixel)),
        any_(plain_epilogues(network, operation, std::numeric_limits<double>::infinity())) {}

  void run(const Memory& memory) override {
    const std::int64_t strip = std::max<std::int64_t>(kStripReals / channels_, 1);
    for_each_strip(pixels_, strip, [&](std::int64_t first, std::int64_t count) {
      const float* reals = memory.pixels + first * channels_;
      const bool small = largest_magnitude(reals, count * channels_) <= kLargestPixel;
      write_reals(memory, small ? epilogues_ : any_, reals, first, count);
    });
  }

 private:
  static constexpr float kLargestPixel = 1e6f;

  std::int64_t channels_, pixels_;
  std::vector<Epilogue> epilogues_;
  std::vector<Epilogue> any_;  // for infinities and NaN too
};

/// Dequantized codes, in a loop over one strip.
struct Decoder {
  explicit Decoder(const quant::QuantGrid& grid)
      : scale(grid.scale[0]), offset(grid.offset), shift(grid.qmin - grid.zero_point[0]) {}
  float operator()(std::uint8_t code) const {
    return scale * static_cast<float>(std::int32_t{code} + shift) + offset;
  }
  float scale, offset;
  std::int32_t shift;
};

class AdditionStep final : public Step {
 public:
  AdditionStep(const IntegerNetwork& network, const Operation& operation)
      : inputs_{operation.inputs[0], operation.inputs[1]},
        decoders_{Decoder(*network.values[inputs_[0]].grid),
                  Decoder(*network.values[inputs_[1]].grid)},
        channels_(network.values[inputs_[0]].channels),
        pixels_(network.values[inputs_[0]].height * network.values[inputs_[0]].width),
        epilogues_(plain_epilogues(network, operation,
                                   largest_real(*network.values[inputs_[0]].grid) +
                                       largest_real(*network.values[inputs_[1]].grid))) {}

  void run(const Memory& memory) override {
    const auto* a = reinterpret_cast<const std::uint8_t*>(memory.values[inputs_[0]]);
    const auto* b = reinterpret_cast<const std::uint8_t*>(memory.values[inputs_[1]]);
    const std::int64_t strip = std::max<std::int64_t>(kStripReals / channels_, 1);
    for_each_strip(pixels_, strip, [&](std::int64_t first, std::int64_t count) {
      const std::int64_t size = count * channels_;
      const auto reals = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(size));
      add(a + first * channels_, b + first * channels_, size, reals.get());
      write_reals(memory, epilogues_, reals.get(), first, count);
    });
  }

 private:
  void add(const std::uint8_t* x, const std::uint8_t* y, std::int64_t count, float* out) const {
    const Decoder left = decoders_[0], right = decoders_[1];
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) out[i] = left(x[i]) + right(y[i]);
  }

  std::array<ValueId, 2> inputs_;
  std::array<Decoder, 2> decoders_;
  std::int64_t channels_, pixels_;
  std::vector<Epilogue> epilogues_;
};

class AveragePoolStep final : public Step {
 public:
  AveragePoolStep(const IntegerNetwork& network, const Operation& operation,
                  const AveragePool& pool)
      : input_(operation.inputs[0]),
        grid_(*network.values[input_].grid),
        pooling_(network.values[input_], network.values[operation.outputs[0].value], pool.window),
        epilogues_(plain_epilogues(network, operation, largest_real(grid_))) {}

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
      write_reals(memory, epilogues_, reals.data(), place, 1);
    });
  }

 private:
  ValueId input_;
  quant::QuantGrid grid_;
  Pooling pooling_;
  std::vector<Epilogue> epilogues_;
};

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const IntegerNetwork& network, const Operation& operation, const MaxPool& pool)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        pooling_(network.values[input_], network.values[output_], pool.window) {}

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
  void pool(const std::uint8_t* in, std::int64_t place, std::uint8_t* out) const {
    const std::int64_t channels = pooling_.geometry.channels;
    std::memset(out, 0, static_cast<std::size_t>(channels));
    pooling_.for_each_pixel(place, [&](std::int64_t pixel) {
      const std::uint8_t* from = in + pixel * channels;
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) out[c] = std::max(out[c], from[c]);
    });
  }

  ValueId input_, output_;
  Pooling pooling_;
};

class PadChannelsStep final : public Step {
 public:
  PadChannelsStep(const IntegerNetwork& network, const Operation& operation, const PadChannels& pad)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        before_(pad.before),
        from_(network.values[input_]),
        to_(network.values[output_]) {}

  void run(const Memory& memory) override {
    const std::byte* in = memory.values[input_];
    std::byte* out = memory.values[output_];
    std::memset(out, stored_code(0.0f, *from_.grid), static_cast<std::size_t>(to_.numel()));
    for (std::int64_t pixel = 0; pixel < from_.height * from_.width; ++pixel) {
      std::memcpy(out + pixel * to_.channels + before_, in + pixel * from_.channels,
                  static_cast<std::size_t>(from_.channels));
    }
  }

 private:
  ValueId input_, output_;
  std::int64_t before_;
  const Value &from_, &to_;
};

struct MakeStep {
  const IntegerNetwork& network;
  const Operation& operation;
  Isa isa;
  Products products;

  using Made = std::unique_ptr<Step>;
  Made operator()(const Quantize&) const {
    return std::make_unique<QuantizeStep>(network, operation);
  }
  Made operator()(const Convolution&) const {
    return make_convolution_step(network, operation, isa, products);
  }
  Made operator()(const Addition&) const {
    return std::make_unique<AdditionStep>(network, operation);
  }
  Made operator()(const AveragePool& pool) const {
    return std::make_unique<AveragePoolStep>(network, operation, pool);
  }
  Made operator()(const MaxPool& pool) const {
    return std::make_unique<MaxPoolStep>(network, operation, pool);
  }
  Made operator()(const PadChannels& pad) const {
    return std::make_unique<PadChannelsStep>(network, operation, pad);
  }
};

}  // namespace

std::unique_ptr<Step> make_step(const IntegerNetwork& network, const Operation& operation, Isa isa,
                                Products products) {
  return std::visit(MakeStep{network, operation, isa, products}, operation.kind);
}

}  // namespace quench::deploy
