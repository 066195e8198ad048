#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "kernels/conv_variants.h"
#include "kernels/depthwise_tile.h"
#include "kernels/padded_image.h"

namespace quench::kernels {
namespace {

constexpr int kMostPixels = 4;  // per tile

const DepthwiseTiles& tiles_of([[maybe_unused]] Isa isa) {
#ifdef QUENCH_HAVE_AVX512
  if (isa == Isa::avx512) return kDepthwiseAvx512;
#endif
#ifdef QUENCH_HAVE_AVX2
  return kDepthwiseAvx2;
#else
  static const DepthwiseTiles none{};
  return none;
#endif
}

/// The lane of a block's channel, see DepthwiseWeights.
std::size_t place_of(std::size_t channel, std::size_t lanes) {
  const std::size_t eight = channel / 8, high = channel % 8 / 4;
  return high * lanes / 2 + eight * 4 + channel % 4;
}

/// The order in which taps are paired; for 3x3 that of DepthwiseTiles::row.
std::vector<std::size_t> tap_order(std::array<int, 2> kernel) {
  if (kernel == std::array{3, 3}) return {0, 3, 1, 4, 2, 5, 6, 7, 8};
  std::vector<std::size_t> order(static_cast<std::size_t>(kernel[0] * kernel[1]));
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

class DepthwiseConv final : public ConvKernel {
 public:
  DepthwiseConv(const ConvProblem& problem, Isa isa)
      : tiles_(tiles_of(isa)),
        name_(isa == Isa::avx512 ? "avx512 depthwise" : "avx2 depthwise"),
        image_(problem, 2),
        out_width_(problem.out_width()),
        channels_(problem.channels) {
    const std::vector<std::size_t> order = tap_order(problem.kernel);
    for (const std::size_t tap : order) {
      const auto width = static_cast<std::size_t>(problem.kernel[1]);
      taps_.push_back(static_cast<std::int32_t>(
          image_.tap(static_cast<int>(tap / width), static_cast<int>(tap % width))));
    }
    if (taps_.size() % 2 == 1) taps_.push_back(taps_.back());
    pack(problem, order);
    const bool is_3x3 =
        problem.kernel == std::array{3, 3} && problem.params.dilation == std::array{1, 1};
    if (is_3x3 && problem.params.stride[1] <= 2) row_stride_ = problem.params.stride[1];
  }

  std::size_t workspace_bytes() const override { return image_.bytes(); }
  std::int64_t workspace_rows() const override { return image_.rows(); }
  void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
               std::byte* workspace) const override {
    image_.fill(image, begin, end, workspace);
  }
  std::string_view name() const override { return name_; }

  void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                  std::int32_t* sums) const override {
    const DepthwiseWeights weights{.taps = taps_.data(),
                                   .weights = weights_.data(),
                                   .start = start_.data(),
                                   .pairs = static_cast<std::int32_t>(taps_.size() / 2),
                                   .channels = static_cast<std::int32_t>(channels_),
                                   .row_bytes = static_cast<std::int32_t>(image_.tap(1, 0)),
                                   .column_bytes = static_cast<std::int32_t>(image_.tap(0, 1))};
    for (std::int64_t at = 0; at < count;) {  // row by row
      const std::int64_t y = (first + at) / out_width_, x = (first + at) % out_width_;
      const std::int64_t length = std::min(out_width_ - x, count - at);
      if (row_stride_ > 0) {
        tiles_.row[row_stride_ - 1](input + image_.window(y, x), length, weights,
                                    sums + at * channels_);
      } else {
        accumulate_row(input, y, x, length, weights, sums + at * channels_);
      }
      at += length;
    }
  }

 private:
  void accumulate_row(const std::byte* input, std::int64_t y, std::int64_t x, std::int64_t length,
                      const DepthwiseWeights& weights, std::int32_t* sums) const {
    for (std::int64_t at = 0; at < length;) {
      std::array<const std::byte*, kMostPixels> windows;
      const auto pixels = std::min<std::int64_t>(tiles_.pixels, length - at);
      for (std::int64_t p = 0; p < pixels; ++p)
        windows[static_cast<std::size_t>(p)] = input + image_.window(y, x + at + p);
      tiles_.tile(static_cast<int>(pixels))(windows.data(), weights, sums + at * channels_);
      at += pixels;
    }
  }

  void pack(const ConvProblem& problem, const std::vector<std::size_t>& order) {
    const auto lanes = static_cast<std::size_t>(tiles_.lanes);
    const auto channels = static_cast<std::size_t>(channels_);
    const std::size_t blocks = (channels + lanes - 1) / lanes;
    start_.resize(blocks * lanes);
    weights_.resize(blocks * lanes * taps_.size());
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const std::size_t block = channel / lanes, place = place_of(channel % lanes, lanes);
      std::int16_t* packed = weights_.data() + block * lanes * taps_.size();
      std::int64_t sum = 0;
      for (std::size_t tap = 0; tap < order.size(); ++tap) {
        const std::int16_t weight = problem.weight[channel * order.size() + order[tap]];
        packed[(tap / 2 * lanes + place) * 2 + tap % 2] = weight;
        sum += weight;
      }
      start_[block * lanes + place] = static_cast<std::int32_t>(-sum * problem.zero_code);
    }
  }

  const DepthwiseTiles& tiles_;
  std::string_view name_;
  PaddedImage image_;
  std::int64_t out_width_, channels_;
  int row_stride_ = 0;                 ///< of the 3x3 kernel; 0 if it is not used
  std::vector<std::int32_t> taps_;     // an even number
  std::vector<std::int16_t> weights_;  // block by block, see DepthwiseWeights
  std::vector<std::int32_t> start_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_depthwise_conv(const ConvProblem& problem, Isa isa) {
  return std::make_unique<DepthwiseConv>(problem, isa);
}

}  // namespace quench::kernels
