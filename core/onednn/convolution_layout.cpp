#include "core/onednn/convolution_layout.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>

namespace quench::onednn {
namespace {

bool has_avx512() {
  // Instruction sets are bit sets that contain those they build on.
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

}  // namespace

// Measured with oneDNN 2.6.3 on a Zen 4, one thread; ms per call, channels-last / blocked with its
// copies.
//
//   3x3, pad 1, batch 64     forward        backward_data   backward_weights
//   AVX2    3->128 32x32       5.2 /   7.0    24.3 /  17.2      5.2 /   8.5
//         128->128 32x32     219.4 / 176.1   197.4 / 173.2    234.3 / 209.5
//         256->256 16x16     200.2 / 178.6   184.5 / 173.9    232.8 / 197.8
//         512->512  8x8      192.1 / 176.7   179.2 / 183.0    308.7 / 264.1
//   (128)  32->32  32x32      24.8 /  23.9    26.3 /  24.3     27.3 /  28.5
//   (128)  64->64  16x16      24.3 /  22.3    26.7 /  21.6     25.3 /  24.0
//   AVX-512 3->128 32x32       5.6 /   6.5    22.8 /  25.9      4.4 /   9.1
//         128->128 32x32     168.8 / 170.9   168.0 / 168.4    173.3 / 203.8
//         256->256 16x16     154.9 / 156.1   155.3 / 156.3    164.0 / 175.2
//         512->512  8x8      143.4 / 141.4   141.8 / 141.8    156.7 / 168.7
//
// 1x1 and depthwise convolutions do too little work per pixel to pay for a copy with either.
bool blocked_layout_pays(Pass pass, const Shape& input, const Shape& weight,
                         const Conv2dParams& params) {
  if (has_avx512() || params.groups > 1 || weight[2] * weight[3] == 1) return false;
  const std::int64_t channels = std::min(input[1], weight[0]);
  const bool small_image = input[2] * input[3] <= 64;
  switch (pass) {
    case Pass::forward:
    case Pass::backward_weights:
      return channels >= 64;
    case Pass::backward_data:
      return channels >= 32 && !small_image;
  }
  return false;
}

// Without AVX-512, oneDNN's backward_weights is slow where the weight outgrows the cache and the
// image is small. Measured as above, ms: channels-last / blocked / matrix product.
//
//   (64) 512->512 8x8    308.7 / 264.1 / 193.2      (64) 256->512 8x8    119.8 / 111.8 /  95.2
//   (64) 512->512 4x4     78.6 /  66.0 /  48.0      (32) 512->512 7x7    129.5 / 111.6 /  74.7
//   (64) 512->256 8x8    128.4 / 112.8 / 127.0      (64) 256->256 8x8     56.8 /  54.4 /  54.6
//
// With AVX-512 the product takes 182.5 where the convolution takes 156.7.
bool im2col_pays(const Shape& output, const Shape& weight, const Conv2dParams& params) {
  return !has_avx512() && params.groups == 1 && weight[0] >= 512 && weight[1] >= 256 &&
         weight[2] * weight[3] > 1 && output[2] * output[3] <= 64;
}

// oneDNN's backward_weights of a depthwise convolution is slow for tiny images and, without AVX-512,
// where many channels of a large batch stream through the cache. Two threads, ms: oneDNN / own.
//
//                      AVX2           AVX-512                          AVX2           AVX-512
//   (128)  16 32x32   0.77 / 1.81    0.59 / 2.08    (128) 128 16x16   5.09 / 2.83    3.05 / 2.78
//   (128)  32 32x32   5.15 / 1.68    1.41 / 1.61    (128) 256  8x8    0.73 / 1.33    0.91 / 1.33
//   (128)  64 32x32  11.58 / 5.03    3.05 / 4.32    (128) 512  4x4    0.42 / 1.03    0.22 / 0.92
//   ( 32)  64 16x16   0.08 / 0.16    0.10 / 0.18    (128) 512  2x2   17.60 / 0.60    1.46 / 0.48
bool own_depthwise_pays(const Shape& output, const Shape& weight, const Conv2dParams& params) {
  const bool plain = params.groups > 1 && weight[1] == 1 && params.groups == weight[0] &&
                     (weight[3] == 3 || weight[3] == 5) && params.dilation == std::array{1, 1};
  if (!plain) return false;
  constexpr std::int64_t kCached = 1 << 20;  // elements
  const std::int64_t pixels = output[2] * output[3];
  return pixels <= 4 ||
         (!has_avx512() && pixels >= 256 && weight[0] >= 32 && output.numel() >= kCached);
}

}  // namespace quench::onednn
