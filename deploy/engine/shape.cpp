#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "deploy/engine/places.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/network/arithmetic.h"

namespace quench::deploy {
namespace {

/// Copies `count` pieces of `bytes` bytes with constant strides.
void copy_pieces(const std::byte* from, std::int64_t from_stride, std::byte* to,
                 std::int64_t to_stride, std::int64_t bytes, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i, from += from_stride, to += to_stride)
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

class PreparedZeroPad final : public PreparedOperation {
 public:
  PreparedZeroPad(const IntegerNetwork& network, const Operation& operation)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        pad_(std::get<ZeroPad>(operation.kind)),
        from_(network.values[input_]),
        to_(network.values[output_]) {}

  void run(const Memory& memory) override {
    const std::byte* in = memory.values[input_];
    std::byte* out = memory.values[output_];
    std::memset(out, stored_code(0.0f, *from_.grid), static_cast<std::size_t>(to_.numel()));
    // The input pixels that are not cropped.
    const auto& [top, left, bottom, right] = pad_.image;
    const std::int64_t first_row = std::max(-top, 0), rows = from_.height + std::min(bottom, 0);
    const std::int64_t first = std::max(-left, 0),
                       columns = from_.width + std::min(right, 0) - first;
    for (std::int64_t y = first_row; y < rows; ++y) {
      const std::int64_t source = y * from_.width + first;
      const std::int64_t pixel = (top + y) * to_.width + left + first;
      copy_pieces(in + source * from_.channels, from_.channels,
                  out + pixel * to_.channels + pad_.before, to_.channels, from_.channels, columns);
    }
  }

 private:
  ValueId input_, output_;
  ZeroPad pad_;
  const Value &from_, &to_;
};

class PreparedConcatenation final : public PreparedOperation {
 public:
  PreparedConcatenation(const IntegerNetwork& network, const Operation& operation)
      : inputs_(operation.inputs),
        output_(operation.outputs[0].value),
        channels_(network.values[output_].channels),
        pixels_(network.values[output_].numel() / channels_) {
    for (const ValueId input : inputs_) parts_.push_back(network.values[input].channels);
  }

  void run(const Memory& memory) override {
    std::byte* out = memory.values[output_];
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      copy_pieces(memory.values[inputs_[i]], parts_[i], out, channels_, parts_[i], pixels_);
      out += parts_[i];
    }
  }

 private:
  std::vector<ValueId> inputs_;
  std::vector<std::int64_t> parts_;  // channels of each
  ValueId output_;
  std::int64_t channels_, pixels_;
};

class PreparedExtremum final : public PreparedOperation {
 public:
  PreparedExtremum(const IntegerNetwork& network, const Operation& operation)
      : inputs_(operation.inputs),
        output_(operation.outputs[0].value),
        channels_(network.values[output_].channels),
        pixels_(network.values[output_].numel() / channels_),
        flip_(flips_of(std::get<Extremum>(operation.kind).smallest, channels_)) {}

  /// The smallest byte is the complement of the largest complement.
  void run(const Memory& memory) override {
    for_each_strip(pixels_, kStripPixels, [&](std::int64_t first, std::int64_t count) {
      auto* out = reinterpret_cast<std::uint8_t*>(memory.values[output_]) + first * channels_;
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        const auto* in =
            reinterpret_cast<const std::uint8_t*>(memory.values[inputs_[i]]) + first * channels_;
        if (i == 0) {
          std::memcpy(out, in, static_cast<std::size_t>(count * channels_));
        } else {
          join(in, count, out);
        }
      }
    });
  }

 private:
  static constexpr std::int64_t kStripPixels = 256;

  void join(const std::uint8_t* in, std::int64_t pixels, std::uint8_t* out) const {
    const std::uint8_t* flip = flip_.data();
    for (std::int64_t p = 0; p < pixels; ++p, in += channels_, out += channels_) {
#pragma omp simd
      for (std::int64_t c = 0; c < channels_; ++c) {
        const auto a = static_cast<std::uint8_t>(out[c] ^ flip[c]);
        const auto b = static_cast<std::uint8_t>(in[c] ^ flip[c]);
        out[c] = static_cast<std::uint8_t>(std::max(a, b) ^ flip[c]);
      }
    }
  }

  std::vector<ValueId> inputs_;
  ValueId output_;
  std::int64_t channels_, pixels_;
  std::vector<std::uint8_t> flip_;
};

class PreparedChannelSelection final : public PreparedOperation {
 public:
  PreparedChannelSelection(const IntegerNetwork& network, const Operation& operation)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        from_(network.values[input_].channels),
        pixels_(network.values[input_].numel() / from_),
        selected_(std::get<ChannelSelection>(operation.kind).channels) {
    const auto gap = [](std::int64_t a, std::int64_t b) { return b != a + 1; };
    is_slice_ = std::ranges::adjacent_find(selected_, gap) == selected_.end();
  }

  void run(const Memory& memory) override {
    const std::byte* in = memory.values[input_];
    std::byte* out = memory.values[output_];
    const std::int64_t count = std::ssize(selected_);
    if (is_slice_) return copy_pieces(in + selected_[0], from_, out, count, count, pixels_);
    for (std::int64_t p = 0; p < pixels_; ++p, in += from_, out += count) {
      for (std::int64_t c = 0; c < count; ++c) out[c] = in[selected_[static_cast<std::size_t>(c)]];
    }
  }

 private:
  ValueId input_, output_;
  std::int64_t from_, pixels_;
  std::vector<std::int64_t> selected_;
  bool is_slice_ = false;
};

class PreparedUpsampling final : public PreparedOperation {
 public:
  PreparedUpsampling(const IntegerNetwork& network, const Operation& operation)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        factor_(std::get<Upsampling>(operation.kind).factor),
        from_(network.values[input_]) {}

  void run(const Memory& memory) override {
    const std::byte* in = memory.values[input_];
    std::byte* out = memory.values[output_];
    const std::int64_t row = from_.width * factor_[1] * from_.channels;
    for (std::int64_t y = 0; y < from_.height; ++y) {
      std::byte* first = out;
      for (std::int64_t x = 0; x < from_.width; ++x, in += from_.channels) {
        copy_pieces(in, 0, out, from_.channels, from_.channels, factor_[1]);
        out += factor_[1] * from_.channels;
      }
      copy_pieces(first, 0, out, row, row, factor_[0] - 1);
      out += (factor_[0] - 1) * row;
    }
  }

 private:
  ValueId input_, output_;
  std::array<int, 2> factor_;
  const Value& from_;
};

class PreparedPixelSelection final : public PreparedOperation {
 public:
  PreparedPixelSelection(const IntegerNetwork& network, const Operation& operation)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        selection_(std::get<PixelSelection>(operation.kind)),
        from_(network.values[input_]) {}

  void run(const Memory& memory) override {
    const std::byte* in = memory.values[input_];
    std::byte* out = memory.values[output_];
    for (const std::int64_t row : selection_.rows) {
      for (const std::int64_t column : selection_.columns) {
        const std::int64_t pixel = row * from_.width + column;
        std::memcpy(out, in + pixel * from_.channels, static_cast<std::size_t>(from_.channels));
        out += from_.channels;
      }
    }
  }

 private:
  ValueId input_, output_;
  PixelSelection selection_;
  const Value& from_;
};

class PreparedRearrangement final : public PreparedOperation {
 public:
  explicit PreparedRearrangement(const Operation& operation)
      : input_(operation.inputs[0]),
        output_(operation.outputs[0].value),
        rearrangement_(std::get<Rearrangement>(operation.kind)) {}

  void run(const Memory& memory) override {
    const std::byte* in = memory.values[input_];
    std::byte* out = memory.values[output_];
    for_each_run(rearrangement_, [=](std::int64_t from, std::int64_t to, std::int64_t count) {
      std::memcpy(out + to, in + from, static_cast<std::size_t>(count));
    });
  }

 private:
  ValueId input_, output_;
  Rearrangement rearrangement_;
};

}  // namespace

Prepared prepare_zero_pad(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedZeroPad>(network, operation);
}

Prepared prepare_concatenation(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedConcatenation>(network, operation);
}

Prepared prepare_extremum(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedExtremum>(network, operation);
}

Prepared prepare_channel_selection(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedChannelSelection>(network, operation);
}

Prepared prepare_upsampling(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedUpsampling>(network, operation);
}

Prepared prepare_pixel_selection(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedPixelSelection>(network, operation);
}

Prepared prepare_rearrangement(const IntegerNetwork& /*network*/, const Operation& operation) {
  return std::make_unique<PreparedRearrangement>(operation);
}

}  // namespace quench::deploy
