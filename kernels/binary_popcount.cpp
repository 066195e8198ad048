#include "kernels/binary_popcount.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "kernels/conv_variants.h"
#include "kernels/padded_image.h"

namespace quench::kernels {
namespace {

constexpr std::int64_t kPixelsAtOnce = 64;

std::int64_t blocks_of(std::int64_t channels) {
  return (channels + kPopcountBlock - 1) / kPopcountBlock;
}

/// Maps each output to the index of its range of taps among the distinct ranges.
class BorderClasses {
 public:
  explicit BorderClasses(const Axis& axis) {
    for (std::int64_t o = 0; o < axis.out; ++o) {
      const TapRange range = axis.on_image(o);
      const auto found = std::ranges::find(ranges_, range);
      of_output_.push_back(found - ranges_.begin());
      if (found == ranges_.end()) ranges_.push_back(range);
    }
  }

  std::int64_t operator[](std::int64_t output) const {
    return of_output_[static_cast<std::size_t>(output)];
  }
  const std::vector<TapRange>& ranges() const { return ranges_; }

 private:
  std::vector<TapRange> ranges_;
  std::vector<std::int64_t> of_output_;
};

class PopcountConv final : public ConvKernel {
 public:
  PopcountConv(const ConvProblem& problem, const PopcountCode& code)
      : code_(code),
        rows_(rows_of(problem)),
        columns_(columns_of(problem)),
        channels_(problem.channels),
        out_channels_(problem.out_channels),
        minus_(static_cast<std::uint8_t>(problem.zero_code - 1)),
        words_((channels_ + 63) / 64),
        row_classes_(rows_),
        column_classes_(columns_) {
    for (int ky = 0; ky < rows_.kernel; ++ky) {
      for (int kx = 0; kx < columns_.kernel; ++kx)
        taps_.push_back(static_cast<std::int32_t>(
            (ky * rows_.dilation * columns_.padded() + kx * columns_.dilation) * words_));
    }
    pack_weights(problem);
    sum_borders(problem);
  }

  std::size_t workspace_bytes() const override {
    return static_cast<std::size_t>(rows_.padded() * row_words()) * sizeof(std::uint64_t);
  }
  std::int64_t workspace_rows() const override { return rows_.padded(); }
  std::string_view name() const override { return code_.name; }

  void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
               std::byte* workspace) const override {
    auto* packed = reinterpret_cast<std::uint64_t*>(workspace) + begin * row_words();
    for (std::int64_t row = begin; row < end; ++row, packed += row_words()) {
      const std::int64_t y = row - rows_.before;
      std::memset(packed, 0, static_cast<std::size_t>(row_words()) * sizeof(std::uint64_t));
      if (y < 0 || y >= rows_.size) continue;
      const std::int64_t last = std::min(columns_.padded() - columns_.before, columns_.size);
      for (std::int64_t x = 0; x < last; ++x)
        pack(image + (y * columns_.size + x) * channels_, packed + (columns_.before + x) * words_);
    }
  }

  void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                  std::int32_t* sums) const override {
    std::array<const std::uint64_t*, kPixelsAtOnce> pixels{};
    std::array<const std::int32_t*, kPixelsAtOnce> start{};
    std::array<std::int32_t*, kPixelsAtOnce> sums_of{};
    PopcountTask task{.pixels = pixels.data(),
                      .pixel_count = 0,
                      .taps = taps_.data(),
                      .tap_count = static_cast<std::int64_t>(taps_.size()),
                      .words = words_,
                      .weight = weight_.data(),
                      .start = start.data(),
                      .sums = sums_of.data(),
                      .out_channels = out_channels_};
    const auto* packed = reinterpret_cast<const std::uint64_t*>(input);
    std::int64_t y = first / columns_.out, x = first % columns_.out;
    for (std::int64_t left = count; left > 0; left -= task.pixel_count) {
      task.pixel_count = std::min(left, kPixelsAtOnce);
      for (std::size_t i = 0; i < static_cast<std::size_t>(task.pixel_count); ++i) {
        pixels[i] = packed + y * rows_.stride * row_words() + x * columns_.stride * words_;
        start[i] = start_of(row_classes_[y], column_classes_[x]);
        sums_of[i] = sums;
        sums += out_channels_;
        if (++x < columns_.out) continue;
        x = 0;
        ++y;
      }
      code_.accumulate(task);
    }
  }

 private:
  std::int64_t row_words() const { return columns_.padded() * words_; }

  const std::int32_t* start_of(std::int64_t row_class, std::int64_t column_class) const {
    const auto columns = static_cast<std::int64_t>(column_classes_.ranges().size());
    return start_.data() +
           (row_class * columns + column_class) * blocks_of(out_channels_) * kPopcountBlock;
  }

  void pack(const std::uint8_t* codes, std::uint64_t* words) const {
    code_.pack(codes, channels_, minus_, words);
    if (!code_.paired) return;
    for (std::int64_t word = 1; word < words_; word += 2) words[word] ^= words[word - 1];
  }

  void pack_weights(const ConvProblem& problem) {
    const auto taps = static_cast<std::int64_t>(taps_.size());
    weight_.resize(
        static_cast<std::size_t>(blocks_of(out_channels_) * taps * words_ * kPopcountBlock));
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(channels_));
    std::vector<std::uint64_t> words(static_cast<std::size_t>(words_));
    for (std::int64_t o = 0; o < out_channels_; ++o) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int16_t* weights = problem.weight.data() + (o * taps + tap) * channels_;
        std::transform(weights, weights + channels_, codes.begin(), [this](std::int16_t w) {
          return static_cast<std::uint8_t>(w < 0 ? minus_ : minus_ + 2);
        });
        pack(codes.data(), words.data());
        const std::int64_t block = o / kPopcountBlock;
        std::uint64_t* packed =
            weight_.data() + (block * taps + tap) * words_ * kPopcountBlock + o % kPopcountBlock;
        for (std::int64_t word = 0; word < words_; ++word)
          packed[word * kPopcountBlock] = words[static_cast<std::size_t>(word)];
      }
    }
  }

  /// K minus the weights outside the image, for every output channel and combination of borders.
  void sum_borders(const ConvProblem& problem) {
    const std::int64_t taps = std::ssize(taps_);
    std::vector<std::int32_t> of_tap;  // [O][taps]
    for (auto weight = problem.weight.begin(); weight != problem.weight.end(); weight += channels_)
      of_tap.push_back(std::accumulate(weight, weight + channels_, std::int32_t{0}));
    const auto products = static_cast<std::int32_t>(taps * channels_);
    for (const TapRange& rows : row_classes_.ranges()) {
      for (const TapRange& columns : column_classes_.ranges()) {
        for (std::int64_t o = 0; o < blocks_of(out_channels_) * kPopcountBlock; ++o)
          start_.push_back(
              o < out_channels_ ? products - sum_off(of_tap.data() + o * taps, rows, columns) : 0);
      }
    }
  }

  /// The sum over the taps outside the image.
  std::int32_t sum_off(const std::int32_t* of_tap, const TapRange& rows,
                       const TapRange& columns) const {
    std::int32_t sum = 0;
    for (int ky = 0; ky < rows_.kernel; ++ky) {
      for (int kx = 0; kx < columns_.kernel; ++kx, ++of_tap) {
        const bool on =
            ky >= rows.begin && ky < rows.end && kx >= columns.begin && kx < columns.end;
        if (!on) sum += *of_tap;
      }
    }
    return sum;
  }

  const PopcountCode& code_;
  Axis rows_, columns_;
  std::int64_t channels_, out_channels_;
  std::uint8_t minus_;
  std::int64_t words_;
  BorderClasses row_classes_, column_classes_;
  std::vector<std::int32_t> taps_;     // [KH][KW]
  std::vector<std::uint64_t> weight_;  // see PopcountTask
  std::vector<std::int32_t> start_;    // [row classes][column classes][O, padded to whole blocks]
};

}  // namespace

std::unique_ptr<ConvKernel> make_popcount_conv(const ConvProblem& problem,
                                               const PopcountCode& code) {
  return std::make_unique<PopcountConv>(problem, code);
}

}  // namespace quench::kernels
