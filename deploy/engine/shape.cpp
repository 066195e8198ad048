#include <cstring>
#include <vector>

#include "deploy/engine/prepared_operation.h"
#include "deploy/network/arithmetic.h"

namespace quench::deploy {
namespace {

/// Copies `count` pieces of `bytes`, each so far from the one before it.
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
    const std::int64_t row = from_.width * from_.channels;
    for (std::int64_t y = 0; y < from_.height; ++y) {
      const std::int64_t pixel = (pad_.image.top + y) * to_.width + pad_.image.left;
      copy_pieces(in + y * row, from_.channels, out + pixel * to_.channels + pad_.before,
                  to_.channels, from_.channels, from_.width);
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

}  // namespace

Prepared prepare_zero_pad(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedZeroPad>(network, operation);
}

Prepared prepare_concatenation(const IntegerNetwork& network, const Operation& operation) {
  return std::make_unique<PreparedConcatenation>(network, operation);
}

}  // namespace quench::deploy
