#include "kernels/binary_lookup.h"

#include <algorithm>
#include <array>
#include <bit>

#include "kernels/conv_variants.h"
#include "kernels/padded_image.h"

namespace quench::kernels {
namespace {

constexpr std::uint16_t kOffImage = (kLookupNumbers - 1) * kLookupEntries;

struct Tables {
  alignas(64) std::array<std::uint8_t, kLookupNumbers * kLookupNumbers * kLookupEntries> bytes{};
};

constexpr int entry(int number, int weights) {
  return number == kLookupNumbers - 1 ? 2 : std::popcount(static_cast<unsigned>(number ^ weights));
}

constexpr Tables make_tables() {
  Tables tables;
  std::size_t at = 0;
  for (int second = 0; second < kLookupNumbers; ++second) {
    for (int first = 0; first < kLookupNumbers; ++first) {
      for (int weights = 0; weights < kLookupEntries; ++weights)
        tables.bytes[at++] =
            static_cast<std::uint8_t>(entry(first, weights) + 16 * entry(second, weights));
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

std::vector<std::int32_t> taps_on_image(const Axis& axis) {
  std::vector<std::int32_t> taps;
  for (std::int64_t o = 0; o < axis.out; ++o) taps.push_back(axis.on_image(o).count());
  return taps;
}

class LookupConv final : public ConvKernel {
 public:
  explicit LookupConv(const ConvProblem& problem)
      : rows_(rows_of(problem)),
        columns_(columns_of(problem)),
        channels_(problem.channels),
        out_channels_(problem.out_channels),
        minus_(static_cast<std::uint8_t>(problem.zero_code - 1)),
        fours_((channels_ + 3) / 4),
        start_(static_cast<std::int32_t>(rows_.kernel * columns_.kernel * 4 * fours_)),
        row_taps_(taps_on_image(rows_)),
        column_taps_(taps_on_image(columns_)) {
    make_steps();
    pack_weights(problem);
  }

  /// The last step may read two offsets past the last pixel.
  std::size_t workspace_bytes() const override {
    return static_cast<std::size_t>(rows_.padded() * row_size() + kLookupStep - 1) *
           sizeof(std::uint16_t);
  }
  std::int64_t workspace_rows() const override { return rows_.padded(); }
  std::string_view name() const override { return "avx2 lookup"; }

  void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
               std::byte* workspace) const override {
    auto* tables = reinterpret_cast<std::uint16_t*>(workspace) + begin * row_size();
    for (std::int64_t row = begin; row < end; ++row, tables += row_size())
      prepare_row(image, row - rows_.before, tables);
    if (end == rows_.padded()) std::fill_n(tables, kLookupStep - 1, std::uint16_t{0});
  }

  void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                  std::int32_t* sums) const override {
    const auto* tables = reinterpret_cast<const std::uint16_t*>(input);
    std::array<PixelPair, kLookupPairs> pairs;
    LookupTask task{.pairs = pairs.data(),
                    .pair_count = 0,
                    .tables = kTables.bytes.data(),
                    .offsets = offsets_.data(),
                    .steps = std::ssize(offsets_),
                    .weight = weight_.data(),
                    .out_channels = out_channels_};
    std::int64_t y = first / columns_.out, x = first % columns_.out;
    for (const std::int32_t* end = sums + count * out_channels_; sums < end; task.pair_count = 0) {
      while (sums < end && task.pair_count < kLookupPairs) {
        const bool both = x + 1 < columns_.out && sums + out_channels_ < end;
        pairs[static_cast<std::size_t>(task.pair_count++)] = {
            .tables = tables + y * rows_.stride * row_size() + x * columns_.stride * fours_,
            .sums = {sums, both ? sums + out_channels_ : nullptr},
            .start = {start(y, x), both ? start(y, x + 1) : 0}};
        x += both ? 2 : 1;
        sums += (both ? 2 : 1) * out_channels_;
        if (x < columns_.out) continue;
        x = 0;
        ++y;
      }
      lookup_accumulate_avx2(task);
    }
  }

 private:
  std::int64_t row_size() const { return columns_.padded() * fours_; }

  void prepare_row(const std::uint8_t* image, std::int64_t y, std::uint16_t* tables) const {
    std::fill_n(tables, row_size(), kOffImage);
    if (y >= 0 && y < rows_.size) {
      const std::int64_t last = std::min(columns_.padded() - columns_.before, columns_.size);
      for (std::int64_t x = 0; x < last; ++x)
        lookup_offsets_avx2(image + (y * columns_.size + x) * channels_, channels_, minus_,
                            tables + (columns_.before + x) * fours_);
    }
    const std::int64_t distance = columns_.stride * fours_;
    lookup_join_avx2(tables, std::max<std::int64_t>(row_size() - distance, 0), distance);
  }

  /// A tap inside the image counts the bits that pad its last four channels as equal; this removes
  /// them.
  std::int32_t start(std::int64_t y, std::int64_t x) const {
    return start_ - row_taps_[static_cast<std::size_t>(y)] *
                        column_taps_[static_cast<std::size_t>(x)] *
                        static_cast<std::int32_t>(4 * fours_ - channels_);
  }

  /// Adjacent taps are adjacent in the row, unless the convolution is dilated.
  std::int64_t run() const { return columns_.dilation == 1 ? columns_.kernel * fours_ : fours_; }

  void make_steps() {
    const int runs = columns_.dilation == 1 ? 1 : columns_.kernel;
    for (int ky = 0; ky < rows_.kernel; ++ky) {
      for (int kx = 0; kx < runs; ++kx) {
        const std::int64_t begin =
            ky * rows_.dilation * row_size() + kx * columns_.dilation * fours_;
        for (std::int64_t i = 0; i < run(); i += kLookupStep)
          offsets_.push_back(static_cast<std::int32_t>(begin + i));
      }
    }
  }

  void pack_weights(const ConvProblem& problem) {
    const std::int64_t blocks = (out_channels_ + kLookupBlock - 1) / kLookupBlock;
    const std::int64_t bytes = std::ssize(offsets_) * kLookupStep;  // of a channel
    const std::int64_t runs = rows_.kernel * columns_.kernel * fours_ / run();
    weight_.assign(static_cast<std::size_t>(blocks * bytes * kLookupBlock), kNoWeights);
    for (std::int64_t block = 0; block < blocks; ++block) {
      for (int lane = 0; lane < kLookupBlock; ++lane) {
        const std::int64_t o = block * kLookupBlock + lookup_channel(lane);
        if (o >= out_channels_) continue;
        for (std::int64_t r = 0; r < runs; ++r) {
          std::uint8_t* packed =
              weight_.data() + (block * bytes + r * (bytes / runs)) * kLookupBlock + lane;
          for (std::int64_t i = 0; i < run(); ++i)
            packed[i * kLookupBlock] = four_weights(problem, o, r * run() + i);
        }
      }
    }
  }

  /// @param place  index of the four, counted over taps
  std::uint8_t four_weights(const ConvProblem& problem, std::int64_t o, std::int64_t place) const {
    const std::int64_t tap = place / fours_, channel = place % fours_ * 4;
    const std::int64_t taps = rows_.kernel * columns_.kernel;
    const std::int16_t* weight = problem.weight.data() + (o * taps + tap) * channels_ + channel;
    unsigned bits = 0;
    for (std::int64_t c = 0; c < std::min<std::int64_t>(4, channels_ - channel); ++c)
      bits |= (weight[c] < 0 ? 1U : 0U) << c;
    return static_cast<std::uint8_t>(bits);
  }

  Axis rows_, columns_;
  std::int64_t channels_, out_channels_;
  std::uint8_t minus_;
  std::int64_t fours_;                                // groups of four channels per pixel
  std::int32_t start_;                                // of a sum whose last fours are full
  std::vector<std::int32_t> row_taps_, column_taps_;  // taps inside the image, for each output
  std::vector<std::int32_t> offsets_;                 // of the steps, from a pixel's first tap
  std::vector<std::uint8_t> weight_;                  // see LookupTask
};

}  // namespace

std::unique_ptr<ConvKernel> make_lookup_conv(const ConvProblem& problem) {
  return std::make_unique<LookupConv>(problem);
}

}  // namespace quench::kernels
