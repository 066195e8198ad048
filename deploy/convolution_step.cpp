#include "deploy/convolution_step.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "deploy/arithmetic.h"
#include "deploy/bounds.h"
#include "deploy/kernels/saturation.h"
#include "deploy/places.h"

namespace quench::deploy {
namespace {

std::vector<float> output_scales(const Convolution& conv, const quant::QuantGrid& input) {
  std::vector<float> result;
  for (std::int64_t o = 0; o < conv.out_channels; ++o)
    result.push_back(output_scale(input, conv.weight_grid, static_cast<std::size_t>(o)));
  return result;
}

/// What the offset of an input grid adds to the reals of every pixel, [pixels][O]: the offset times
/// the weights whose taps lie on the image.
std::vector<float> offset_reals(const Convolution& conv, const Value& input) {
  if (input.grid->offset == 0.0f) return {};
  ConvProblem problem = conv_problem(conv, input);
  problem.zero_code = 0;
  problem.input_max = 1;
  problem.binary_input = false;
  const auto kernel = make_conv_kernel(problem, Isa::scalar);
  const std::vector<std::uint8_t> ones(static_cast<std::size_t>(input.numel()), 1);
  Tensor workspace({static_cast<std::int64_t>(kernel->workspace_bytes()) + 1}, DType::u8);
  const std::byte* image = reinterpret_cast<const std::byte*>(ones.data());
  if (kernel->workspace_bytes() > 0) {
    kernel->prepare(ones.data(), 0, kernel->workspace_rows(), workspace.bytes_begin());
    image = workspace.bytes_begin();
  }
  const std::int64_t pixels = problem.out_height() * problem.out_width();
  std::vector<std::int32_t> sums(static_cast<std::size_t>(pixels * conv.out_channels));
  kernel->accumulate(image, 0, pixels, sums.data());
  std::vector<float> result(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % static_cast<std::size_t>(conv.out_channels);
    const float scale = conv.weight_grid.scale[conv.weight_grid.axis == 0 ? o : 0];
    result[i] = static_cast<float>(sums[i]) * (input.grid->offset * scale);
  }
  return result;
}

std::unique_ptr<ConvKernel> make_kernel(const ConvProblem& problem, Isa isa, Products products) {
  return products == Products::exact ? make_conv_kernel(problem, isa)
                                     : make_saturating_conv(problem);
}

std::unique_ptr<std::int32_t[]> uninitialized(std::int64_t count) {
  return std::make_unique_for_overwrite<std::int32_t[]>(static_cast<std::size_t>(count));
}

class ConvolutionStep final : public Engine::Step {
 public:
  ConvolutionStep(const IntegerNetwork& network, const Operation& operation,
                  const Convolution& conv, Isa isa, Products products)
      : input_(operation.inputs[0]),
        channels_(conv.out_channels),
        kernel_(make_kernel(conv_problem(conv, network.values[input_]), isa, products)),
        offset_reals_(offset_reals(conv, network.values[input_])) {
    const Value& input = network.values[input_];
    const auto [height, width] = sums_size(input, conv);
    pixels_ = height * width;
    for (const Output& output : operation.outputs) {
      epilogues_.emplace_back(output, network.values[output.value],
                              output_scales(conv, *input.grid), conv.bias,
                              largest_sums(conv, *input.grid), largest_addend());
    }
    if (conv.pool) {
      const Value sums{.channels = conv.out_channels, .height = height, .width = width};
      pooling_.emplace(sums, network.values[operation.outputs[0].value], *conv.pool);
    }
    workspace_ = Tensor({static_cast<std::int64_t>(kernel_->workspace_bytes()) + 1}, DType::u8);
  }

  std::string_view kernel() const override { return kernel_->name(); }

  void run(const Memory& memory) override {
    const std::byte* image = memory.values[input_];
    if (kernel_->workspace_bytes() > 0) {
      const auto* codes = reinterpret_cast<const std::uint8_t*>(image);
      std::byte* workspace = workspace_.bytes_begin();
      for_each_strip(kernel_->workspace_rows(), kernel_->workspace_rows() / num_threads() + 1,
                     [&](std::int64_t first, std::int64_t count) {
                       kernel_->prepare(codes, first, first + count, workspace);
                     });
      image = workspace;
    }
    if (pooling_) {
      run_pooled(memory, image);
    } else {
      run_strips(memory, image);
    }
  }

 private:
  float largest_addend() const {
    float largest = 0.0f;
    for (const float real : offset_reals_) largest = std::max(largest, std::abs(real));
    return largest;
  }

  /// So many pixels that their sums stay in the cache, and every thread has some.
  std::int64_t strip() const {
    constexpr std::int64_t kSums = 8192, kTile = 24;
    const std::int64_t share = (pixels_ + num_threads() - 1) / num_threads();
    const std::int64_t fitting = std::max(kSums / channels_ / kTile * kTile, kTile);
    return std::max<std::int64_t>(std::min(share, fitting), 1);
  }

  void run_strips(const Memory& memory, const std::byte* image) {
    for_each_strip(pixels_, strip(), [&](std::int64_t first, std::int64_t count) {
      const auto sums = uninitialized(count * channels_);
      kernel_->accumulate(image, first, count, sums.get());
      const float* addend =
          offset_reals_.empty() ? nullptr : offset_reals_.data() + first * channels_;
      for (const Epilogue& epilogue : epilogues_)
        epilogue.run(sums.get(), addend, count, pixel_of(memory, epilogue, first));
    });
  }

  /// One row of windows at a time: the rows of sums they cover, and of these the largest.
  void run_pooled(const Memory& memory, const std::byte* image) {
    const PoolGeometry& g = pooling_->geometry;
    for_each_strip(g.out_height, 1, [&](std::int64_t row, std::int64_t) {
      const WindowView first(g, row, 0);
      const std::int64_t begin = first.y0 * g.width, count = (first.y1 - first.y0) * g.width;
      const auto sums = uninitialized(count * channels_);
      kernel_->accumulate(image, begin, count, sums.get());
      const auto largest = uninitialized(g.out_width * channels_);
      for (std::int64_t x = 0; x < g.out_width; ++x) {
        std::int32_t* to = largest.get() + x * channels_;
        bool fresh = true;
        pooling_->for_each_pixel(row * g.out_width + x, [&](std::int64_t pixel) {
          const std::int32_t* from = sums.get() + (pixel - begin) * channels_;
          if (fresh) {
            std::copy_n(from, channels_, to);
          } else {
#pragma omp simd
            for (std::int64_t c = 0; c < channels_; ++c) to[c] = std::max(to[c], from[c]);
          }
          fresh = false;
        });
      }
      for (const Epilogue& epilogue : epilogues_) {
        epilogue.run(largest.get(), nullptr, g.out_width,
                     pixel_of(memory, epilogue, row * g.out_width));
      }
    });
  }

  ValueId input_;
  std::int64_t channels_, pixels_ = 0;
  std::unique_ptr<ConvKernel> kernel_;
  std::vector<float> offset_reals_;
  std::vector<Epilogue> epilogues_;
  std::optional<Pooling> pooling_;
  Tensor workspace_;
};

}  // namespace

ConvProblem conv_problem(const Convolution& conv, const Value& input) {
  const quant::QuantGrid& grid = *input.grid;
  return {.channels = input.channels,
          .height = input.height,
          .width = input.width,
          .out_channels = conv.out_channels,
          .kernel = conv.kernel,
          .params = conv.params,
          .weight = conv.weight,
          .input_max = static_cast<std::uint8_t>(grid.qmax - grid.qmin),
          .zero_code = input.zero_code(),
          .binary_input = grid.binary()};
}

std::unique_ptr<Engine::Step> make_convolution_step(const IntegerNetwork& network,
                                                    const Operation& operation, Isa isa,
                                                    Products products) {
  return std::make_unique<ConvolutionStep>(network, operation,
                                           std::get<Convolution>(operation.kind), isa, products);
}

}  // namespace quench::deploy
