#include "core/onednn/convolution_layout.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>

namespace quench::onednn {

bool has_avx512() {
  // Instruction sets are bit sets that contain those they build on.
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

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

}  // namespace quench::onednn
