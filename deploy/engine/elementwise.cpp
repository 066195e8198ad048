#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "deploy/engine/epilogue.h"
#include "deploy/engine/places.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/network/arithmetic.h"

namespace quench::deploy {
namespace {

/// Compares bits: NaN exceeds every number, and the loop uses integers only.
float largest_magnitude(const float* values, std::int64_t count) {
  std::int32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::bit_cast<std::int32_t>(values[i]) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

class PreparedQuantize final : public PreparedOperation {
 public:
  PreparedQuantize(const IntegerNetwork& network, const Operation& operation)
      : channels_(network.channels),
        pixels_(network.height * network.width),
        image_(std::get<Quantize>(operation.kind).image),
        small_(network, operation, kLargestPixel),
        any_(network, operation, std::numeric_limits<double>::infinity()) {}

  void run(const Memory& memory) override {
    const std::int64_t strip = std::max<std::int64_t>(kStripReals / channels_, 1);
    for_each_strip(pixels_, strip, [&](std::int64_t first, std::int64_t count) {
      const float* values = memory.pixels + first * channels_;
      if (image_.empty()) return write(memory, values, first, count);
      std::vector<float> sums(values, values + count * channels_);
      const float* image = image_.data() + first * channels_;
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += image[i];
      write(memory, sums.data(), first, count);
    });
  }

 private:
  static constexpr float kLargestPixel = 1e6f;

  void write(const Memory& memory, const float* values, std::int64_t first,
             std::int64_t count) const {
    const bool small = largest_magnitude(values, count * channels_) <= kLargestPixel;
    (small ? small_ : any_).write(memory, values, first, count);
  }

  std::int64_t channels_, pixels_;
  std::vector<float> image_;  // added to the pixels; may be empty
  PlainOutputs small_;
  PlainOutputs any_;  // also handles infinities and NaN
};

/// Dequantizes a code.
struct Decoder {
  explicit Decoder(const quant::QuantGrid& grid)
      : scale(grid.scale[0]), offset(grid.offset), shift(grid.qmin - grid.zero_point[0]) {}
  float operator()(std::uint8_t code) const {
    return scale * static_cast<float>(std::int32_t{code} + shift) + offset;
  }
  float scale, offset;
  std::int32_t shift;
};

struct RealSum {
  Decoder a, b;
  float operator()(std::uint8_t x, std::uint8_t y) const { return a(x) + b(y); }
};

struct RealDifference {
  Decoder a, b;
  float operator()(std::uint8_t x, std::uint8_t y) const { return a(x) - b(y); }
};

struct RealProduct {
  Decoder a, b;
  float operator()(std::uint8_t x, std::uint8_t y) const { return a(x) * b(y); }
};

struct IntegerProduct {
  std::int32_t shift_a, shift_b;
  float scale;
  float operator()(std::uint8_t x, std::uint8_t y) const {
    return static_cast<float>((x + shift_a) * (y + shift_b)) * scale;
  }
};

/// An elementwise function of two inputs. One of them may have a single value per channel.
template <typename Function>
class PreparedPair final : public PreparedOperation {
 public:
  PreparedPair(const IntegerNetwork& network, const Operation& operation, Function function,
               double reach)
      : function_(function),
        inputs_{operation.inputs[0], operation.inputs[1]},
        outputs_(network, operation, reach) {
    const Value& output = network.values[operation.outputs[0].value];
    channels_ = output.channels;
    pixels_ = output.height * output.width;
    for (std::size_t i = 0; i < 2; ++i)
      strides_[i] = network.values[inputs_[i]].numel() == output.numel() ? channels_ : 0;
  }

  void run(const Memory& memory) override {
    const auto* a = reinterpret_cast<const std::uint8_t*>(memory.values[inputs_[0]]);
    const auto* b = reinterpret_cast<const std::uint8_t*>(memory.values[inputs_[1]]);
    const std::int64_t strip = std::max<std::int64_t>(kStripReals / channels_, 1);
    for_each_strip(pixels_, strip, [&](std::int64_t first, std::int64_t count) {
      const auto values =
          std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(count * channels_));
      combine(a + first * strides_[0], b + first * strides_[1], count, values.get());
      outputs_.write(memory, values.get(), first, count);
    });
  }

 private:
  void combine(const std::uint8_t* x, const std::uint8_t* y, std::int64_t pixels,
               float* out) const {
    const Function function = function_;
    const bool whole = strides_[0] == strides_[1];
    const std::int64_t runs = whole ? 1 : pixels, count = whole ? pixels * channels_ : channels_;
    for (std::int64_t run = 0; run < runs; ++run) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) out[i] = function(x[i], y[i]);
      x += strides_[0];
      y += strides_[1];
      out += channels_;
    }
  }

  Function function_;
  std::array<ValueId, 2> inputs_;
  std::array<std::int64_t, 2> strides_{};
  std::int64_t channels_ = 0, pixels_ = 0;
  PlainOutputs outputs_;
};

template <typename Function>
Prepared prepare_pair(const IntegerNetwork& network, const Operation& operation, Function function,
                      double reach) {
  return std::make_unique<PreparedPair<Function>>(network, operation, function, reach);
}

const quant::QuantGrid& grid_of(const IntegerNetwork& network, const Operation& operation,
                                std::size_t input) {
  return *network.values[operation.inputs[input]].grid;
}

/// A function of one code and the steps after it: a table per output, or per channel of an output.
class PreparedLookup final : public PreparedOperation {
 public:
  PreparedLookup(const IntegerNetwork& network, const Operation& operation)
      : input_(operation.inputs[0]), channels_(network.values[input_].channels) {
    pixels_ = network.values[input_].numel() / channels_;
    const auto& lookup = std::get<Lookup>(operation.kind);
    for (const Output& output : operation.outputs) {
      const auto& grid = network.values[output.value].grid;
      const auto fill = [&](auto& tables, auto finish) {
        tables.push_back({output.value});
        fill_table(tables.back(), network, lookup, output, finish);
      };
      if (grid) {
        fill(codes_, [&](float x) { return stored_code(x, *grid); });
      } else {
        fill(reals_, [](float x) { return x; });
      }
    }
  }

  void run(const Memory& memory) override {
    const std::int64_t strip = std::max<std::int64_t>(kStripReals / channels_, 1);
    for_each_strip(pixels_, strip, [&](std::int64_t first, std::int64_t count) {
      for (const auto& table : codes_) look_up(memory, table, first, count);
      for (const auto& table : reals_) look_up(memory, table, first, count);
    });
  }

 private:
  template <typename T>
  struct Table {
    ValueId output;
    std::size_t stride = 0;       // between the tables of channels; 0 if all share one
    std::vector<T> numbers = {};  // [channels or 1][codes of the input]
  };

  template <typename T, typename Finish>
  void fill_table(Table<T>& table, const IntegerNetwork& network, const Lookup& lookup,
                  const Output& output, Finish finish) const {
    const Value& input = network.values[input_];
    const std::size_t count = table_of(lookup, input, 0).size();
    const bool shared = !has_channels(output.steps) && lookup.table.size() == count;
    table.stride = shared ? 0 : count;
    for (std::int64_t c = 0; c < (shared ? 1 : channels_); ++c) {
      for (const float real : table_of(lookup, input, c))
        table.numbers.push_back(finish(take_steps(output, static_cast<std::size_t>(c), real)));
    }
  }

  template <typename T>
  void look_up(const Memory& memory, const Table<T>& table, std::int64_t first,
               std::int64_t pixels) const {
    const auto* in =
        reinterpret_cast<const std::uint8_t*>(memory.values[input_]) + first * channels_;
    auto* out = reinterpret_cast<T*>(memory.values[table.output]) + first * channels_;
    for (std::int64_t p = 0; p < pixels; ++p, in += channels_, out += channels_) {
      const T* numbers = table.numbers.data();
      for (std::int64_t c = 0; c < channels_; ++c, numbers += table.stride) out[c] = numbers[in[c]];
    }
  }

  ValueId input_;
  std::int64_t channels_, pixels_ = 0;
  std::vector<Table<std::uint8_t>> codes_;
  std::vector<Table<float>> reals_;
};

}  // namespace

Prepared prepare_quantize(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedQuantize>(network, operation);
}

Prepared prepare_addition(const IntegerNetwork& network, const Operation& operation) {
  const quant::QuantGrid &a = grid_of(network, operation, 0), &b = grid_of(network, operation, 1);
  const double reach = largest_real(a) + largest_real(b);
  if (std::get<Addition>(operation.kind).subtracts)
    return prepare_pair(network, operation, RealDifference{Decoder(a), Decoder(b)}, reach);
  return prepare_pair(network, operation, RealSum{Decoder(a), Decoder(b)}, reach);
}

Prepared prepare_multiplication(const IntegerNetwork& network, const Operation& operation) {
  const quant::QuantGrid &a = grid_of(network, operation, 0), &b = grid_of(network, operation, 1);
  const double reach = largest_real(a) * largest_real(b);
  if (a.offset != 0.0f || b.offset != 0.0f)
    return prepare_pair(network, operation, RealProduct{Decoder(a), Decoder(b)}, reach);
  const IntegerProduct product{a.qmin - a.zero_point[0], b.qmin - b.zero_point[0],
                               a.scale[0] * b.scale[0]};
  return prepare_pair(network, operation, product, reach);
}

Prepared prepare_lookup(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedLookup>(network, operation);
}

}  // namespace quench::deploy
