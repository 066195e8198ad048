#include "kernels/saturation.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/padded_image.h"

namespace quench::kernels {
namespace {

constexpr std::int32_t kMin = std::numeric_limits<std::int16_t>::min();
constexpr std::int32_t kMax = std::numeric_limits<std::int16_t>::max();

std::int64_t group_channels(const ConvProblem& problem) {
  return problem.channels / problem.params.groups;
}

class SaturatingConv final : public ConvKernel {
 public:
  explicit SaturatingConv(const ConvProblem& problem)
      : image_(problem, 1),
        groups_(problem.params.groups),
        group_channels_(group_channels(problem)),
        group_outputs_(problem.out_channels / groups_),
        out_width_(problem.out_width()),
        start_(static_cast<std::size_t>(problem.out_channels)) {
    for (int ky = 0; ky < problem.kernel[0]; ++ky)
      for (int kx = 0; kx < problem.kernel[1]; ++kx) taps_.push_back(image_.tap(ky, kx));
    pack(problem);
  }

  std::size_t workspace_bytes() const override { return image_.bytes(); }
  std::int64_t workspace_rows() const override { return image_.rows(); }
  void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
               std::byte* workspace) const override {
    image_.fill(image, begin, end, workspace);
  }
  std::string_view name() const override { return "saturating"; }

  void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                  std::int32_t* sums) const override {
    for (std::int64_t pixel = first; pixel < first + count; ++pixel) {
      std::ranges::copy(start_, sums);
      const std::byte* window = input + image_.window(pixel / out_width_, pixel % out_width_);
      const std::int16_t* weight = weight_.data();
      for (std::int64_t group = 0; group < groups_; ++group) {
        for (const std::int64_t tap : taps_)
          weight = add_tap(window + tap + group * group_channels_, weight, sums);
        sums += group_outputs_;
      }
    }
  }

 private:
  /// @return  weights of the next tap
  const std::int16_t* add_tap(const std::byte* codes, const std::int16_t* weight,
                              std::int32_t* sums) const {
    for (std::int64_t c = 0; c < group_channels_; c += 2) {
      const auto a = std::to_integer<std::int32_t>(codes[c]);
      const auto b = c + 1 < group_channels_ ? std::to_integer<std::int32_t>(codes[c + 1]) : 0;
      for (std::int64_t o = 0; o < group_outputs_; ++o)
        sums[o] += std::clamp(a * weight[o] + b * weight[group_outputs_ + o], kMin, kMax);
      weight += 2 * group_outputs_;
    }
    return weight;
  }

  void pack(const ConvProblem& problem) {
    const auto taps = static_cast<std::int64_t>(taps_.size());
    const std::int64_t pairs = (group_channels_ + 1) / 2;
    weight_.resize(static_cast<std::size_t>(groups_ * taps * pairs * 2 * group_outputs_));
    const std::int16_t* weight = problem.weight.data();
    for (std::int64_t o = 0; o < problem.out_channels; ++o) {
      const std::int64_t group = o / group_outputs_;
      std::int32_t sum = 0;
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        for (std::int64_t c = 0; c < group_channels_; ++c, ++weight) {
          const std::int64_t row = ((group * taps + tap) * pairs + c / 2) * 2 + c % 2;
          weight_[static_cast<std::size_t>(row * group_outputs_ + o % group_outputs_)] = *weight;
          sum += *weight;
        }
      }
      start_[static_cast<std::size_t>(o)] = -sum * problem.zero_code;
    }
  }

  PaddedImage image_;
  std::int64_t groups_, group_channels_, group_outputs_, out_width_;
  std::vector<std::int64_t> taps_;
  std::vector<std::int16_t> weight_;  // [group][tap][pair][2][output], which vectorizes
  std::vector<std::int32_t> start_;
};

}  // namespace

PairSaturation pair_saturation(const ConvProblem& problem) {
  PairSaturation result;
  const std::int64_t channels = group_channels(problem);
  const auto rows = static_cast<std::int64_t>(problem.weight.size()) / channels;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int16_t* weight = problem.weight.data() + row * channels;
    for (std::int64_t c = 0; c < channels; c += 2) {
      const int a = weight[c], b = c + 1 < channels ? weight[c + 1] : 0;
      const int largest = (std::max(a, 0) + std::max(b, 0)) * problem.input_max;
      const int smallest = (std::min(a, 0) + std::min(b, 0)) * problem.input_max;
      ++result.pairs;
      if (largest > kMax || smallest < kMin) ++result.saturating;
      result.largest_sum = std::max(result.largest_sum, largest);
      result.smallest_sum = std::min(result.smallest_sum, smallest);
    }
  }
  return result;
}

std::unique_ptr<ConvKernel> make_saturating_conv(const ConvProblem& problem) {
  return std::make_unique<SaturatingConv>(problem);
}

}  // namespace quench::kernels
