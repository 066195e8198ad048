#include <algorithm>
#include <array>

#include "kernels/conv_variants.h"
#include "kernels/packed_dense.h"
#include "kernels/padded_image.h"

namespace quench::kernels {
namespace {

// Pixels per pass over a block's weights: enough to amortize loading the weights, few enough that
// the codes stay in the L1 cache.
constexpr std::int64_t kStrip = 64;

class DenseConv final : public ConvKernel {
 public:
  DenseConv(const ConvProblem& problem, PackedDense packed)
      : packed_(std::move(packed)),
        image_(problem, packed_.code_bytes),
        reads_image_(image_.is_image() && full_steps(problem)),
        out_width_(problem.out_width()),
        out_channels_(problem.out_channels) {}

  std::size_t workspace_bytes() const override { return reads_image_ ? 0 : image_.bytes(); }
  std::int64_t workspace_rows() const override { return reads_image_ ? 0 : image_.rows(); }
  void prepare(const std::uint8_t* image, std::int64_t begin, std::int64_t end,
               std::byte* workspace) const override {
    image_.fill(image, begin, end, workspace);
  }
  std::string_view name() const override { return packed_.name; }

  void accumulate(const std::byte* input, std::int64_t first, std::int64_t count,
                  std::int32_t* sums) const override {
    std::array<const std::byte*, kStrip> windows;
    for (std::int64_t at = 0; at < count; at += kStrip) {
      const std::int64_t pixels = std::min(kStrip, count - at);
      std::int64_t y = (first + at) / out_width_, x = (first + at) % out_width_;
      for (std::int64_t p = 0; p < pixels; ++p) {
        windows[static_cast<std::size_t>(p)] = input + image_.window(y, x);
        if (++x == out_width_) {
          x = 0;
          ++y;
        }
      }
      accumulate_strip(windows.data(), pixels, sums + at * out_channels_);
    }
  }

 private:
  /// Whether every step reads only codes inside the window. Memory past the end of an image may not
  /// be readable.
  static bool full_steps(const ConvProblem& problem) {
    const std::vector<DenseStep> steps = dense_steps(problem, PaddedImage(problem, 1), 1, 4);
    return std::ranges::all_of(steps, [](const DenseStep& step) { return step.codes == 4; });
  }

  void accumulate_strip(const std::byte* const* windows, std::int64_t pixels,
                        std::int32_t* sums) const {
    const std::int64_t tiles = (pixels + packed_.tiles->pixels - 1) / packed_.tiles->pixels;
    for (const PackedBlock& block : packed_.blocks) {
      const DenseBlock view = block.view();
      const int vectors = block.vectors(packed_.tiles->lanes);
      std::int32_t* block_sums = sums + block.first_channel();
      for (std::int64_t tile = 0; tile < tiles; ++tile) {  // of similar size
        const std::int64_t begin = pixels * tile / tiles, end = pixels * (tile + 1) / tiles;
        packed_.tiles->tile(static_cast<int>(end - begin), vectors)(
            windows + begin, view, block_sums + begin * out_channels_, out_channels_);
      }
    }
  }

  PackedDense packed_;
  PaddedImage image_;
  bool reads_image_;
  std::int64_t out_width_, out_channels_;
};

}  // namespace

std::unique_ptr<ConvKernel> make_dense_conv(const ConvProblem& problem, Isa isa, Packing packing) {
  return std::make_unique<DenseConv>(problem, pack_dense(problem, isa, packing));
}

}  // namespace quench::kernels
