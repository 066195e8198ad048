#include "kernels/conv_variants.h"

namespace quench::kernels {
namespace {

class ScalarConv final : public ConvKernel {
 public:
  explicit ScalarConv(const ConvProblem& problem)
      : problem_(problem),
        group_channels_(problem.channels / problem.params.groups),
        group_outputs_(problem.out_channels / problem.params.groups) {}

  std::size_t workspace_bytes() const override { return 0; }
  void prepare(const std::uint8_t*, std::int64_t, std::int64_t, std::byte*) const override {}
  std::int64_t workspace_rows() const override { return 0; }
  std::string_view name() const override { return "scalar"; }

  void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                  std::int32_t* sums) const override {
    for (std::int64_t pixel = first; pixel < first + count; ++pixel) {
      const std::int64_t y = pixel / problem_.out_width(), x = pixel % problem_.out_width();
      for (std::int64_t o = 0; o < problem_.out_channels; ++o) *sums++ = sum(input, y, x, o);
    }
  }

 private:
  std::int32_t sum(const std::byte* input, std::int64_t y, std::int64_t x, std::int64_t o) const {
    const Conv2dParams& params = problem_.params;
    const std::int64_t first_channel = o / group_outputs_ * group_channels_;
    const std::int16_t* weight =
        problem_.weight.data() + o * problem_.kernel[0] * problem_.kernel[1] * group_channels_;
    std::int32_t sum = 0;
    for (int ky = 0; ky < problem_.kernel[0]; ++ky) {
      const std::int64_t row = y * params.stride[0] - params.padding.top + ky * params.dilation[0];
      for (int kx = 0; kx < problem_.kernel[1]; ++kx, weight += group_channels_) {
        const std::int64_t column =
            x * params.stride[1] - params.padding.left + kx * params.dilation[1];
        if (row < 0 || row >= problem_.height || column < 0 || column >= problem_.width) continue;
        const std::byte* codes =
            input + (row * problem_.width + column) * problem_.channels + first_channel;
        for (std::int64_t c = 0; c < group_channels_; ++c)
          sum += weight[c] * (std::to_integer<int>(codes[c]) - problem_.zero_code);
      }
    }
    return sum;
  }

  ConvProblem problem_;
  std::int64_t group_channels_, group_outputs_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_scalar_conv(const ConvProblem& problem) {
  return std::make_unique<ScalarConv>(problem);
}

}  // namespace quench::kernels
