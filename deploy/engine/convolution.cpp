#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "deploy/engine/epilogue.h"
#include "deploy/engine/places.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/network/arithmetic.h"
#include "deploy/network/integer_network.h"
#include "kernels/saturation.h"

namespace quench::deploy {
namespace {

std::vector<float> output_scales(const Convolution& conv, const quant::QuantGrid& input) {
  std::vector<float> result;
  for (std::int64_t o = 0; o < conv.out_channels; ++o)
    result.push_back(output_scale(input, conv.weight_grid, static_cast<std::size_t>(o)));
  return result;
}

/// A kernel and the workspace for its input.
class PreparedKernel {
 public:
  explicit PreparedKernel(std::unique_ptr<kernels::ConvKernel> kernel)
      : kernel_(std::move(kernel)),
        workspace_({static_cast<std::int64_t>(kernel_->workspace_bytes()) + 1}, DType::u8) {}

  const kernels::ConvKernel& operator*() const { return *kernel_; }
  const kernels::ConvKernel* operator->() const { return kernel_.get(); }

  /// Returns the image [H][W][C] in the layout accumulate() reads. All threads prepare it; inside a
  /// parallel region, only the calling one.
  const std::byte* lay_out(const std::byte* image) {
    if (kernel_->workspace_bytes() == 0) return image;
    const auto* codes = reinterpret_cast<const std::uint8_t*>(image);
    const std::int64_t rows = kernel_->workspace_rows();
    for_each_strip(rows, rows / num_threads() + 1, [&](std::int64_t first, std::int64_t count) {
      kernel_->prepare(codes, first, first + count, workspace_.bytes_begin());
    });
    return workspace_.bytes_begin();
  }

 private:
  std::unique_ptr<kernels::ConvKernel> kernel_;
  Tensor workspace_;
};

/// The contribution of the input grid's offset to every output, [pixels][O]: the offset times the
/// sum of the weights whose taps lie inside the image.
std::vector<float> offset_reals(const Convolution& conv, const Value& input) {
  if (input.grid->offset == 0.0f) return {};
  kernels::ConvProblem problem = conv_problem(conv, input);
  problem.zero_code = 0;
  problem.input_max = 1;
  problem.binary_input = false;
  PreparedKernel kernel(kernels::make_conv_kernel(problem, kernels::Isa::scalar));
  const std::vector<std::byte> ones(static_cast<std::size_t>(input.numel()), std::byte{1});
  const std::int64_t pixels = problem.out_height() * problem.out_width();
  std::vector<std::int32_t> sums(static_cast<std::size_t>(pixels * conv.out_channels));
  kernel->accumulate(kernel.lay_out(ones.data()), 0, pixels, sums.data());
  std::vector<float> result(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % static_cast<std::size_t>(conv.out_channels);
    result[i] = static_cast<float>(sums[i]) * offset_scale(*input.grid, conv.weight_grid, o);
  }
  return result;
}

/// The problem restricted to the output channels [begin, end) of one group.
kernels::ConvProblem of_outputs(const kernels::ConvProblem& problem, std::int64_t begin,
                                std::int64_t end) {
  kernels::ConvProblem part = problem;
  const std::int64_t size = std::ssize(problem.weight) / problem.out_channels;
  part.out_channels = end - begin;
  part.weight.assign(problem.weight.begin() + begin * size, problem.weight.begin() + end * size);
  return part;
}

/// One kernel, or, for a single output pixel, one per thread for its share of the output channels.
std::vector<PreparedKernel> make_kernels(const kernels::ConvProblem& problem, kernels::Isa isa,
                                         Products products) {
  constexpr std::int64_t kFewestChannels = 64;
  const bool one_pixel = problem.out_height() * problem.out_width() == 1;
  const std::int64_t parts =
      one_pixel && problem.params.groups == 1
          ? std::clamp<std::int64_t>(problem.out_channels / kFewestChannels, 1, num_threads())
          : 1;
  std::vector<PreparedKernel> kernels;
  for (std::int64_t i = 0; i < parts; ++i) {
    const kernels::ConvProblem part = of_outputs(problem, problem.out_channels * i / parts,
                                                 problem.out_channels * (i + 1) / parts);
    kernels.emplace_back(products == Products::exact ? kernels::make_conv_kernel(part, isa)
                                                     : kernels::make_saturating_conv(part));
  }
  return kernels;
}

std::unique_ptr<std::int32_t[]> uninitialized(std::int64_t count) {
  return std::make_unique_for_overwrite<std::int32_t[]>(static_cast<std::size_t>(count));
}

class PreparedConvolution final : public PreparedOperation {
 public:
  PreparedConvolution(const IntegerNetwork& network, const Operation& operation,
                      const Convolution& conv, kernels::Isa isa, Products products)
      : input_(operation.inputs[0]),
        channels_(conv.out_channels),
        kernels_(make_kernels(conv_problem(conv, network.values[input_]), isa, products)),
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
  }

  std::string_view kernel() const override { return kernels_[0]->name(); }

  void run(const Memory& memory) override {
    const std::byte* image = memory.values[input_];
    if (kernels_.size() > 1) {
      run_parts(memory, image);
    } else if (pooling_) {
      run_pooled(memory, kernels_[0].lay_out(image));
    } else {
      run_strips(memory, kernels_[0].lay_out(image));
    }
  }

 private:
  float largest_addend() const {
    float largest = 0.0f;
    for (const float real : offset_reals_) largest = std::max(largest, std::abs(real));
    return largest;
  }

  /// Pixels per strip: the sums of a strip fit in the cache, strips have similar sizes, and every
  /// thread gets the same number of strips.
  std::int64_t strip() const {
    constexpr std::int64_t kSums = 8192, kTile = 24;
    const std::int64_t fitting = std::max(kSums / channels_, kTile);
    const std::int64_t rounds = (pixels_ + fitting * num_threads() - 1) / (fitting * num_threads());
    const std::int64_t strips = rounds * num_threads();
    return (pixels_ + strips - 1) / strips;
  }

  /// Computes the single output pixel; threads split its channels.
  void run_parts(const Memory& memory, const std::byte* image) {
    const auto sums = uninitialized(channels_);
    const auto parts = static_cast<std::int64_t>(kernels_.size());
    for_each_strip(parts, 1, [&](std::int64_t part, std::int64_t) {
      PreparedKernel& kernel = kernels_[static_cast<std::size_t>(part)];
      kernel->accumulate(kernel.lay_out(image), 0, 1, sums.get() + channels_ * part / parts);
    });
    finish(memory, sums.get(), 0, 1);
  }

  /// Converts the sums of `count` pixels, starting at `first`, to the codes of every output.
  void finish(const Memory& memory, const std::int32_t* sums, std::int64_t first,
              std::int64_t count) const {
    const float* addend =
        offset_reals_.empty() ? nullptr : offset_reals_.data() + first * channels_;
    for (const Epilogue& epilogue : epilogues_)
      epilogue.run(sums, addend, count, pixel_of(memory, epilogue, first));
  }

  void run_strips(const Memory& memory, const std::byte* image) {
    for_each_strip(pixels_, strip(), [&](std::int64_t first, std::int64_t count) {
      const auto sums = uninitialized(count * channels_);
      kernels_[0]->accumulate(image, first, count, sums.get());
      finish(memory, sums.get(), first, count);
    });
  }

  /// For each row of windows, computes the sums it covers, then the maximum of each window.
  void run_pooled(const Memory& memory, const std::byte* image) {
    const PoolGeometry& g = pooling_->geometry;
    for_each_strip(g.out_height, 1, [&](std::int64_t row, std::int64_t) {
      const WindowView first(g, row, 0);
      const std::int64_t begin = first.y0 * g.width, count = (first.y1 - first.y0) * g.width;
      const auto sums = uninitialized(count * channels_);
      kernels_[0]->accumulate(image, begin, count, sums.get());
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
      finish(memory, largest.get(), row * g.out_width, g.out_width);
    });
  }

  ValueId input_;
  std::int64_t channels_, pixels_ = 0;
  std::vector<PreparedKernel> kernels_;
  std::vector<float> offset_reals_;
  std::vector<Epilogue> epilogues_;
  std::optional<Pooling> pooling_;
};

}  // namespace

kernels::ConvProblem conv_problem(const Convolution& conv, const Value& input) {
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

Prepared prepare_convolution(const IntegerNetwork& network, const Operation& operation,
                             kernels::Isa isa, Products products) {
  return std::make_unique<PreparedConvolution>(
      network, operation, std::get<Convolution>(operation.kind), isa, products);
}

}  // namespace quench::deploy
