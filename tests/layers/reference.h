#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/ops/conv2d.h"
#include "core/random.h"
#include "core/tensor.h"
#include "quant/registry.h"

namespace quench::testing {

inline Tensor random_tensor(Shape shape, std::uint64_t seed, float scale = 1.0f) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = scale * random.normal();
  return out;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.bytes_begin(), b.bytes_begin(), a.bytes()) == 0;
}

template <typename Number>
std::vector<Number> converted(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

/// The convolution's defining sum, row-major in and out, exact for an integer `Number`.
template <typename Number>
std::vector<Number> naive_conv2d(const std::vector<Number>& input, const Shape& in,
                                 const std::vector<Number>& weight, const Shape& w,
                                 const Conv2dParams& params) {
  const Shape out = conv2d_output_shape(in, w, params);
  std::vector<Number> result;
  for (std::int64_t n = 0; n < out[0]; ++n)
    for (std::int64_t o = 0; o < out[1]; ++o)
      for (std::int64_t y = 0; y < out[2]; ++y)
        for (std::int64_t x = 0; x < out[3]; ++x) {
          Number sum = 0;
          const std::int64_t first = o / (out[1] / params.groups) * w[1];
          for (std::int64_t c = 0; c < w[1]; ++c)
            for (std::int64_t ky = 0; ky < w[2]; ++ky)
              for (std::int64_t kx = 0; kx < w[3]; ++kx) {
                const std::int64_t iy = y * params.stride[0] + ky - params.padding.top;
                const std::int64_t ix = x * params.stride[1] + kx - params.padding.left;
                if (iy < 0 || iy >= in[2] || ix < 0 || ix >= in[3]) continue;
                sum += input[static_cast<std::size_t>(
                           ((n * in[1] + first + c) * in[2] + iy) * in[3] + ix)] *
                       weight[static_cast<std::size_t>(((o * w[1] + c) * w[2] + ky) * w[3] + kx)];
              }
          result.push_back(sum);
        }
  return result;
}

/// input [N, I] times the transpose of weight [O, I]: a 1x1 convolution of 1x1 images.
template <typename Number>
std::vector<Number> naive_linear(const std::vector<Number>& input, const Shape& in,
                                 const std::vector<Number>& weight, const Shape& w) {
  return naive_conv2d(input, {in[0], in[1], 1, 1}, weight, {w[0], w[1], 1, 1}, {});
}

inline std::unique_ptr<quant::Quantizer> make_quantizer(
    const std::string& method, quant::Role role, int bits,
    quant::Granularity granularity = quant::Granularity::per_tensor, Settings settings = {}) {
  return quant::make_quantizer(
      method, {.role = role,
               .bits = bits,
               .granularity = granularity,
               .slot = role == quant::Role::weight ? "layer.weight" : "layer.input",
               .settings = settings});
}

}  // namespace quench::testing
