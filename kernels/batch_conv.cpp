#include "kernels/batch_conv.h"

#include <algorithm>
#include <utility>

#include "core/allocator.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench::kernels {
namespace {

/// Memory from the tensor pool, uninitialized.
template <typename T>
class Buffer {
 public:
  explicit Buffer(std::size_t count)
      : data_(count == 0 ? nullptr : static_cast<T*>(allocate(count * sizeof(T)))) {}
  ~Buffer() {
    if (data_ != nullptr) deallocate(data_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return data_; }

 private:
  T* data_;
};

/// Whether each output pixel depends on its own input pixel alone.
bool pixel_by_pixel(const ConvProblem& problem) {
  return problem.kernel == std::array{1, 1} && problem.params.stride == std::array{1, 1} &&
         problem.params.padding == Padding{};
}

/// The largest divisor of `pixels` up to `most`; if it is too small for a kernel's tiles, all of them.
std::int64_t pixels_at_once(std::int64_t pixels, std::int64_t most) {
  constexpr std::int64_t kFewest = 16;
  for (std::int64_t count = std::min(pixels, most); count >= kFewest; --count)
    if (pixels % count == 0) return count;
  return pixels;
}

}  // namespace

/// Where the sums of pixels go.
struct BatchConv::Output {
  float* data;
  const float* scale;
  const float* bias;  // or null
  std::int64_t channels;

  void write(const std::int32_t* sums, std::int64_t first, std::int64_t count) const {
    float* __restrict to = data + first * channels;
    for (std::int64_t p = 0; p < count; ++p, to += channels, sums += channels) {
      const std::int32_t* __restrict from = sums;
      if (bias != nullptr) {
#pragma omp simd
        for (std::int64_t o = 0; o < channels; ++o)
          to[o] = static_cast<float>(from[o]) * scale[o] + bias[o];
      } else {
#pragma omp simd
        for (std::int64_t o = 0; o < channels; ++o) to[o] = static_cast<float>(from[o]) * scale[o];
      }
    }
  }

  /// Computes the `count` pixels of an image; `at` is the first one's place in the output.
  void run(const ConvKernel& kernel, const std::byte* input, std::int64_t count,
           std::int64_t at) const {
    // The sums stay in the cache; the least is what kernels compute at once.
    constexpr std::int64_t kSums = 16384, kTile = 64;
    const std::int64_t strip = std::max(kSums / channels / kTile * kTile, kTile);
    const Buffer<std::int32_t> sums(static_cast<std::size_t>(std::min(strip, count) * channels));
    for (std::int64_t done = 0; done < count; done += strip) {
      const std::int64_t pixels = std::min(strip, count - done);
      kernel.accumulate(input, done, pixels, sums.get());
      write(sums.get(), at + done, pixels);
    }
  }
};

bool BatchConv::pays(const ConvProblem& problem, std::int64_t batch, std::int64_t largest_sum) {
  constexpr std::int64_t kFewestPixels = 256;
  constexpr std::int64_t kLargest = 2147483647;
  return best_isa() != Isa::scalar &&
         batch * problem.out_height() * problem.out_width() >= kFewestPixels &&
         largest_sum * std::max<std::int64_t>(problem.input_max, 1) <= kLargest;
}

BatchConv::BatchConv(ConvProblem problem, std::int64_t batch)
    : channels_(problem.channels),
      out_channels_(problem.out_channels),
      batch_(batch),
      codes_(problem.channels * problem.height * problem.width),
      out_height_(problem.out_height()),
      out_width_(problem.out_width()),
      images_(batch) {
  const ProfileScope profile("pack weights");
  if (pixel_by_pixel(problem)) {
    // The pixels of the batch in parts that stay in cache, enough for every thread.
    constexpr std::int64_t kCodes = 32768, kTile = 64;
    const std::int64_t pixels = batch * problem.height * problem.width;
    problem.height = pixels_at_once(
        pixels, std::min(std::max(kCodes / problem.channels, kTile), pixels / num_threads()));
    problem.width = 1;
    images_ = pixels / problem.height;
  }
  image_codes_ = problem.channels * problem.height * problem.width;
  image_pixels_ = problem.out_height() * problem.out_width();
  kernel_ = make_conv_kernel(problem, best_isa(), Packing::quick);
}

Tensor BatchConv::operator()(const Tensor& bytes, std::span<const float> scale,
                             std::span<const float> bias) const {
  const bool linear = bytes.rank() == 2;
  require((linear || bytes.rank() == 4) && bytes.dim(0) == batch_ &&
              bytes.numel() == batch_ * codes_ && bytes.dim(1) == channels_,
          "convolution of codes: expected {} images of {} channels and {} codes, got {}", batch_,
          channels_, codes_, bytes.shape().to_string());
  require(std::ssize(scale) == out_channels_ && (bias.empty() || std::ssize(bias) == out_channels_),
          "convolution of codes: expected {} scales and biases, got {} and {}", out_channels_,
          scale.size(), bias.size());
  const ProfileScope profile(name());
  Tensor out(linear ? Shape{batch_, out_channels_}
                    : Shape{batch_, out_channels_, out_height_, out_width_});
  const Output output{.data = out.data(),
                      .scale = scale.data(),
                      .bias = bias.empty() ? nullptr : bias.data(),
                      .channels = out_channels_};
  const std::uint8_t* codes = bytes.data<std::uint8_t>();
  parallel_for(images_, 1, [&](std::int64_t begin, std::int64_t end) {
    const Buffer<std::byte> workspace(kernel_->workspace_bytes());
    for (std::int64_t n = begin; n < end; ++n) {
      const std::uint8_t* image = codes + n * image_codes_;
      const auto* input = reinterpret_cast<const std::byte*>(image);
      if (kernel_->workspace_bytes() > 0) {
        kernel_->prepare(image, 0, kernel_->workspace_rows(), workspace.get());
        input = workspace.get();
      }
      output.run(*kernel_, input, image_pixels_, n * image_pixels_);
    }
  });
  return out;
}

}  // namespace quench::kernels
