#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "quant/code.h"
#include "quant/parts/element_output.h"
#include "quant/statistics/ordered_sum.h"

/// Promises the compiler that the next loop's iterations do not depend on each other through
/// memory.
#ifdef __clang__
#define QUENCH_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define QUENCH_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace quench::quant {

/// One element's contribution to the gradients of x and of K trained values.
template <std::size_t K>
struct ElementGradient {
  float x = 0.0f;
  std::array<float, K> trained{};
};

/// The node of map_trained().
template <std::size_t K, typename Constants, typename Backward>
struct TrainedMapNode final : Node {
  Saved x;
  std::array<Shape, K> shapes;  // of the trained values
  std::vector<Constants> constants;
  Backward element;

  TrainedMapNode(Saved x_in, std::array<Shape, K> shapes_in, std::vector<Constants> constants_in,
                 Backward element_in)
      : x(std::move(x_in)),
        shapes(std::move(shapes_in)),
        constants(std::move(constants_in)),
        element(std::move(element_in)) {}
  std::string_view name() const override { return "quantize"; }

  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor& input = x.get();
    Tensor grad(input.shape());
    const float *const in = input.data(), *const g = grad_output.data();
    float* const out = grad.data();
    const Pieces pieces(input.numel(), static_cast<std::int64_t>(constants.size()));
    std::vector<std::array<float, K>> sums(static_cast<std::size_t>(pieces.count()));
    pieces.for_each([&](std::int64_t piece) {
      const std::int64_t begin = pieces.begin(piece);
      sums[static_cast<std::size_t>(piece)] = backward_piece(
          in + begin, g + begin, out + begin, pieces.size(piece), constants[pieces.channel(piece)]);
    });
    std::vector<Tensor> result{std::move(grad)};
    for (std::size_t k = 0; k < K; ++k) result.push_back(total(pieces, sums, k));
    return result;
  }

 private:
  /// Two loops over a piece in cache, because one loop that maps and sums is not vectorized. An
  /// element depends only on its own index; the macro also promises this for tables that `element`
  /// reads.
  std::array<float, K> backward_piece(const float* in, const float* g, float* out,
                                      std::int64_t count, Constants channel) const {
    // Pointers, because the bounds check of an array's index would keep the loop from being vectorized.
    std::array<float, K * Pieces::kSize> terms;
    float* const of_trained = terms.data();
    const Backward local = element;
    QUENCH_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) {
      const ElementGradient<K> gradient = local(in[i], g[i], channel);
      out[i] = gradient.x;
      const float* const trained = gradient.trained.data();
      for (std::size_t k = 0; k < K; ++k)
        of_trained[k * Pieces::kSize + static_cast<std::size_t>(i)] = trained[k];
    }
    std::array<float, K> result;
    for (std::size_t k = 0; k < K; ++k) {
      const float* of_k = of_trained + k * Pieces::kSize;
      result[k] = lane_sum<float>(count, [=](std::int64_t i) { return of_k[i]; });
    }
    return result;
  }

  Tensor total(const Pieces& pieces, const std::vector<std::array<float, K>>& sums,
               std::size_t k) const {
    std::vector<double> channel_sums(constants.size(), 0.0);
    for (std::int64_t piece = 0; piece < pieces.count(); ++piece)
      channel_sums[pieces.channel(piece)] += double{sums[static_cast<std::size_t>(piece)][k]};
    Tensor result(shapes[k]);
    std::ranges::transform(channel_sums, result.data(),
                           [](double sum) { return static_cast<float>(sum); });
    return result;
  }
};

/// Records `output` on the tape as a function of x and of K trained values (a scale, a threshold,
/// an offset), each per tensor or per slice of x along axis 0.
///
/// @param trained    each f32, with one element per entry of `constants`
/// @param constants  one, or one per channel: everything that backward needs, computed from the
///                   trained values; a small struct of floats, passed by value
/// @param backward   (float x, float grad_y, Constants) -> ElementGradient<K>: dL/dx, and this
///                   element's contribution to dL/dtrained[k]. Branch-free, so that it vectorizes
template <std::size_t K, typename Constants, typename Backward>
Variable record_trained(const Variable& x, const std::array<Variable, K>& trained, Tensor output,
                        std::vector<Constants> constants, Backward backward) {
  std::vector<Variable> inputs{x};
  inputs.insert(inputs.end(), trained.begin(), trained.end());
  std::array<Shape, K> shapes;
  std::ranges::transform(trained, shapes.begin(), [](const Variable& v) { return v.shape(); });
  return record<TrainedMapNode<K, Constants, Backward>>(inputs, std::move(output), Saved(x.value()),
                                                        std::move(shapes), std::move(constants),
                                                        std::move(backward));
}

/// record_trained() of y = forward(x), element-wise.
///
/// @param forward  (float x, Constants) -> float y, or (Constants) -> NearestOnGrid
/// @param on       as in element_output()
template <std::size_t K, typename Constants, typename Forward, typename Backward>
Variable map_trained(const Variable& x, const std::array<Variable, K>& trained,
                     std::vector<Constants> constants, Forward forward, Backward backward,
                     const Quantizer* on = nullptr) {
  const Tensor& input = x.value();
  const float* const values = input.data();  // backward reads them too
  const Pieces pieces(input.numel(), static_cast<std::int64_t>(constants.size()));
  const bool one = constants.size() == 1;
  const auto element_of = [&](const Constants& channel) {
    if constexpr (std::is_invocable_v<Forward, Constants>) {
      return forward(channel);
    } else {
      return [forward, channel](float v) { return forward(v, channel); };
    }
  };
  Tensor output = element_output(
      input.shape(), on, element_of(constants.at(0)), pieces,
      [&](std::int64_t begin, std::int64_t end, auto* to) {
        const auto element =
            element_of(constants[one ? 0 : static_cast<std::size_t>(begin / pieces.slice)]);
        const float* from = values + begin;
        QUENCH_INDEPENDENT
        for (std::int64_t i = 0; i < end - begin; ++i) write_element(element, from[i], to + i);
      });
  return record_trained(x, trained, std::move(output), std::move(constants), std::move(backward));
}

}  // namespace quench::quant
