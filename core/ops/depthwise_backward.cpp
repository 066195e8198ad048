#include "core/ops/depthwise_backward.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/parallel.h"
#include "core/profiler.h"

namespace quench {
namespace {

// As many floats as a register holds; the compiler's vectors, because an array of sums would stay in memory.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
template <int Count>
struct Vector;
template <>
struct Vector<16> {
  using Type = float __attribute__((vector_size(64)));
};
template <>
struct Vector<8> {
  using Type = float __attribute__((vector_size(32)));
};
template <>
struct Vector<4> {
  using Type = float __attribute__((vector_size(16)));
};
template <>
struct Vector<1> {
  using Type = float;
};

template <typename V>
V load(const float* from) {
  V value;
  std::memcpy(&value, from, sizeof(V));
  return value;
}
template <typename V>
void store(V value, float* to) {
  std::memcpy(to, &value, sizeof(V));
}

/// Sizes of one convolution; images lie in memory as [N, H, W, C].
struct Geometry {
  std::int64_t images, channels, height, width, out_height, out_width, stride_y, top, left;
  std::int64_t before;     // pixels of zeros before a row of the output's gradient
  std::int64_t row_width;  // pixels of a row with zeros on both sides

  Geometry(const Shape& input, const Shape& output, const Shape& weight, const Conv2dParams& params)
      : images(input[0]),
        channels(input[1]),
        height(input[2]),
        width(input[3]),
        out_height(output[2]),
        out_width(output[3]),
        stride_y(params.stride[0]),
        top(params.padding.top),
        left(params.padding.left) {
    const std::int64_t stride = params.stride[1], most_right = (width - 1 + left) / stride;
    before = std::max<std::int64_t>(0, (weight[3] - 1 - left + stride - 1) / stride);
    row_width = before + std::max(out_width, most_right + 1);
  }
};

/// The rows that meet in one row of the input, as pointers to channel 0.
template <int Taps>
struct Rows {
  std::array<const float*, Taps>
      grad;  ///< of the output's gradient, at pixel 0, by ky; null: none there
  const float* input;
  float* grad_input;
};

/// Channels c to c + lanes of V, and pixels ix of the row with (ix + left) % Stride == Phase: those that meet taps
/// kx = Phase, Phase + Stride, ... Adds to sums[ky, kx, c].
template <int Taps, int Stride, int Phase, typename V>
void add_pixels(const Geometry& g, const Rows<Taps>& rows, const float* weight, std::int64_t c,
                float* sums) {
  const std::int64_t channels = g.channels;
  V taps[Taps][Taps], totals[Taps][Taps];
  for (int ky = 0; ky < Taps; ++ky) {
    for (int kx = Phase; kx < Taps; kx += Stride) {
      taps[ky][kx] = load<V>(weight + (ky * Taps + kx) * channels + c);
      totals[ky][kx] = V{};
    }
  }
  for (std::int64_t ix = (Phase + Stride - g.left % Stride) % Stride; ix < g.width; ix += Stride) {
    const V x = load<V>(rows.input + ix * channels + c);
    const std::int64_t ox =
        (ix + g.left - Phase) / Stride;  // of the first tap; the next are before it
    V sum{};
    for (int ky = 0; ky < Taps; ++ky) {
      if (rows.grad[ky] == nullptr) continue;
      const float* grad = rows.grad[ky] + ox * channels + c;
      for (int kx = Phase; kx < Taps; kx += Stride) {
        const V value = load<V>(grad - (kx - Phase) / Stride * channels);
        sum += value * taps[ky][kx];
        totals[ky][kx] += value * x;
      }
    }
    store(sum, rows.grad_input + ix * channels + c);
  }
  for (int ky = 0; ky < Taps; ++ky) {
    for (int kx = Phase; kx < Taps; kx += Stride) {
      float* to = sums + (ky * Taps + kx) * channels + c;
      store(load<V>(to) + totals[ky][kx], to);
    }
  }
}

/// All pixels of the row, for the channels from c on, in vectors of Count and less.
template <int Taps, int Stride, int Count>
void add_row(const Geometry& g, const Rows<Taps>& rows, const float* weight, std::int64_t c,
             float* sums) {
  using V = typename Vector<Count>::Type;
  for (; c + Count <= g.channels; c += Count) {
    add_pixels<Taps, Stride, 0, V>(g, rows, weight, c, sums);
    if constexpr (Stride == 2) add_pixels<Taps, Stride, 1, V>(g, rows, weight, c, sums);
  }
  if constexpr (Count > 4) add_row<Taps, Stride, Count / 2>(g, rows, weight, c, sums);
  if constexpr (Count == 4) add_row<Taps, Stride, 1>(g, rows, weight, c, sums);
}

struct Operands {
  const Tensor& input;
  const Tensor& grad_output;
  const float* weight;  // [ky, kx, c]
  float* grad_input;
};

/// The input's gradient of images [begin, end); adds their share of the weight's to sums[ky, kx, c].
template <int Taps, int Stride>
void add_images(const Geometry& g, const Operands& operands, std::int64_t begin, std::int64_t end,
                float* sums) {
  const std::int64_t row = g.width * g.channels, out_row = g.out_width * g.channels,
                     buffer_row = g.row_width * g.channels;
  // The rows of the gradient under one row of taps, each in slot oy % Taps, and room for a row of the input.
  std::vector<float> buffer(static_cast<std::size_t>(Taps * buffer_row + row), 0.0f);
  const auto slot = [&](std::int64_t oy) {
    return buffer.data() + oy % Taps * buffer_row + g.before * g.channels;
  };
  float* const pixels = buffer.data() + Taps * buffer_row;
  for (std::int64_t n = begin; n < end; ++n) {
    std::int64_t loaded = 0;  // rows [0, loaded) were
    for (std::int64_t iy = 0; iy < g.height; ++iy) {
      for (; loaded < g.out_height && loaded * g.stride_y <= iy + g.top; ++loaded) {
        const std::int64_t at = (n * g.out_height + loaded) * out_row;
        float* const to = slot(loaded);
        const float* from = operands.grad_output.read(at, at + out_row, to);
        if (from != to) std::copy_n(from, out_row, to);
      }
      const std::int64_t at = (n * g.height + iy) * row;
      Rows<Taps> rows{.grad = {},
                      .input = operands.input.read(at, at + row, pixels),
                      .grad_input = operands.grad_input + at};
      for (int ky = 0; ky < Taps; ++ky) {
        const std::int64_t below = iy + g.top - ky, oy = below / g.stride_y;
        const bool meets = below >= 0 && below % g.stride_y == 0 && oy < g.out_height;
        rows.grad[ky] = meets ? slot(oy) : nullptr;
      }
      add_row<Taps, Stride, kLanes>(g, rows, operands.weight, 0, sums);
    }
  }
}

auto images_adder(std::int64_t taps, int stride) {
  if (taps == 3) return stride == 1 ? &add_images<3, 1> : &add_images<3, 2>;
  return stride == 1 ? &add_images<5, 1> : &add_images<5, 2>;
}

}  // namespace

OperandGradients depthwise_backward(const Tensor& input, const Tensor& grad_output,
                                    const Tensor& weight, const Conv2dParams& params) {
  const ProfileScope profile("depthwise", ProfileScope::Pass::backward);
  const Geometry g(input.shape(), grad_output.shape(), weight.shape(), params);
  const std::int64_t taps = weight.dim(2) * weight.dim(3), size = taps * g.channels;
  std::vector<float> filters(static_cast<std::size_t>(size));
  const float* const w = weight.data();
  for (std::int64_t c = 0; c < g.channels; ++c)
    for (std::int64_t tap = 0; tap < taps; ++tap)
      filters[static_cast<std::size_t>(tap * g.channels + c)] = w[c * taps + tap];

  // Short float sums, added in double. Their number does not depend on the number of threads.
  constexpr std::int64_t kMostChunks = 32;
  const std::int64_t chunks = std::min(g.images, kMostChunks);
  std::vector<float> sums(static_cast<std::size_t>(chunks * size), 0.0f);
  OperandGradients grads{Tensor(input.shape()), Tensor(weight.shape())};
  const Operands operands{input, grad_output, filters.data(), grads.input.data()};
  const auto add = images_adder(weight.dim(3), params.stride[1]);
  const std::int64_t work = input.numel() / chunks * taps;
  parallel_for(chunks, kParallelGrain / std::max<std::int64_t>(work, 1) + 1,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t chunk = first; chunk < last; ++chunk) {
                   add(g, operands, g.images * chunk / chunks, g.images * (chunk + 1) / chunks,
                       sums.data() + chunk * size);
                 }
               });
  float* const grad_weight = grads.weight.data();
  std::vector<double> totals(static_cast<std::size_t>(size), 0.0);
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const float* const of_chunk = sums.data() + chunk * size;
    for (std::int64_t i = 0; i < size; ++i)
      totals[static_cast<std::size_t>(i)] += static_cast<double>(of_chunk[i]);
  }
  for (std::int64_t c = 0; c < g.channels; ++c)
    for (std::int64_t tap = 0; tap < taps; ++tap)
      grad_weight[c * taps + tap] =
          static_cast<float>(totals[static_cast<std::size_t>(tap * g.channels + c)]);
  return grads;
}

bool depthwise_backward_takes(const Shape& weight, const Conv2dParams& params) {
  return params.groups > 1 && weight[1] == 1 && params.groups == weight[0] &&
         weight[2] == weight[3] && (weight[3] == 3 || weight[3] == 5) && params.stride[1] <= 2 &&
         params.dilation == std::array{1, 1};
}

}  // namespace quench
