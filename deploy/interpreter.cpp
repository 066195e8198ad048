#include "deploy/interpreter.h"

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "deploy/arithmetic.h"

namespace quench::deploy {
namespace {

/// One image's share of the values.
class Image {
 public:
  Image(const IntegerNetwork& network, Values& values, std::int64_t index)
      : network_(network), values_(values), index_(index) {}

  void run(const Operation& operation, const float* pixels) {
    std::visit([&](const auto& kind) { run(operation, kind, pixels); }, operation.kind);
  }

 private:
  using Pixel = const float*;

  const Value& input(const Operation& operation, std::size_t i = 0) const {
    return network_.values[operation.inputs[i]];
  }
  std::uint8_t* codes(ValueId id) const {
    return values_[id].data<std::uint8_t>() + index_ * network_.values[id].numel();
  }
  std::int32_t number(const Operation& operation, std::size_t input_index, std::int64_t at) const {
    const ValueId id = operation.inputs[input_index];
    return centered(codes(id)[at], *network_.values[id].grid);
  }

  /// Writes real number `x` of channel `channel`, at place `at` in memory, to every output.
  void write(const Operation& operation, std::int64_t channel, std::int64_t at, float real) const {
    for (const Output& output : operation.outputs) {
      const float x = take_steps(output, static_cast<std::size_t>(channel), real);
      const Value& value = network_.values[output.value];
      if (value.grid) {
        codes(output.value)[at] = stored_code(x, *value.grid);
      } else {
        values_[output.value].data()[index_ * value.numel() + at] = x;
      }
    }
  }

  void run(const Operation& operation, const Quantize&, Pixel pixels) const {
    const std::int64_t count = network_.channels * network_.height * network_.width;
    for (std::int64_t i = 0; i < count; ++i) write(operation, i % network_.channels, i, pixels[i]);
  }

  void run(const Operation& operation, const Convolution& conv, Pixel) const;
  void run(const Operation& operation, const Addition&, Pixel) const;
  void run(const Operation& operation, const AveragePool& pool, Pixel) const;
  void run(const Operation& operation, const MaxPool& pool, Pixel) const;
  void run(const Operation& operation, const PadChannels& pad, Pixel) const;

  const IntegerNetwork& network_;
  Values& values_;
  std::int64_t index_;
};

/// Calls visit(y, x, tap) for the taps of a window that lie on the image.
template <typename Visit>
void for_each_tap(const Value& image, std::array<int, 2> kernel, const Conv2dParams& params,
                  std::int64_t oy, std::int64_t ox, Visit visit) {
  for (int ky = 0; ky < kernel[0]; ++ky) {
    const std::int64_t y = oy * params.stride[0] - params.padding.top + ky * params.dilation[0];
    if (y < 0 || y >= image.height) continue;
    for (int kx = 0; kx < kernel[1]; ++kx) {
      const std::int64_t x = ox * params.stride[1] - params.padding.left + kx * params.dilation[1];
      if (x >= 0 && x < image.width) visit(y, x, ky * kernel[1] + kx);
    }
  }
}

template <typename Visit>
void for_each_place(const Value& image, const Window2d& window, std::int64_t oy, std::int64_t ox,
                    Visit visit) {
  const Conv2dParams params{.stride = window.stride, .padding = window.padding};
  for_each_tap(image, window.kernel, params, oy, ox,
               [&](std::int64_t y, std::int64_t x, int) { visit(y * image.width + x); });
}

void Image::run(const Operation& operation, const Convolution& conv, Pixel) const {
  const Value& image = input(operation);
  const quant::QuantGrid& grid = *image.grid;
  const std::int64_t group_in = image.channels / conv.params.groups;
  const std::int64_t group_out = conv.out_channels / conv.params.groups;
  const std::int64_t taps = std::int64_t{conv.kernel[0]} * conv.kernel[1];
  const std::uint8_t* in = codes(operation.inputs[0]);
  const auto [sum_height, sum_width] = sums_size(image, conv);

  std::vector<std::int32_t> sums(static_cast<std::size_t>(sum_height * sum_width));
  std::vector<std::int32_t> weights(sums.size());  // on the image; what an offset is multiplied by
  for (std::int64_t o = 0; o < conv.out_channels; ++o) {
    const std::int16_t* filter = conv.weight.data() + o * taps * group_in;
    for (std::int64_t at = 0; at < sum_height * sum_width; ++at) {
      std::int32_t sum = 0, weight_sum = 0;
      for_each_tap(image, conv.kernel, conv.params, at / sum_width, at % sum_width,
                   [&](std::int64_t y, std::int64_t x, int tap) {
                     const std::uint8_t* pixel =
                         in + (y * image.width + x) * image.channels + o / group_out * group_in;
                     for (std::int64_t c = 0; c < group_in; ++c) {
                       sum += filter[tap * group_in + c] * centered(pixel[c], grid);
                       weight_sum += filter[tap * group_in + c];
                     }
                   });
      sums[static_cast<std::size_t>(at)] = sum;
      weights[static_cast<std::size_t>(at)] = weight_sum;
    }
    const auto channel = static_cast<std::size_t>(o);
    const float scale = output_scale(grid, conv.weight_grid, channel);
    const float of_offset = offset_scale(grid, conv.weight_grid, channel);
    const auto real = [&](std::int64_t at) {
      float x = static_cast<float>(sums[static_cast<std::size_t>(at)]) * scale;
      if (grid.offset != 0.0f)
        x += static_cast<float>(weights[static_cast<std::size_t>(at)]) * of_offset;
      return conv.bias.empty() ? x : x + conv.bias[channel];
    };
    if (!conv.pool) {
      for (std::int64_t at = 0; at < sum_height * sum_width; ++at)
        write(operation, o, at * conv.out_channels + o, real(at));
      continue;
    }
    const Value pooled{.channels = 1, .height = sum_height, .width = sum_width};
    const Value& output = network_.values[operation.outputs[0].value];
    for (std::int64_t place = 0; place < output.height * output.width; ++place) {
      std::int64_t largest = -1;
      for_each_place(
          pooled, *conv.pool, place / output.width, place % output.width, [&](std::int64_t at) {
            if (largest < 0 ||
                sums[static_cast<std::size_t>(at)] > sums[static_cast<std::size_t>(largest)])
              largest = at;
          });
      write(operation, o, place * conv.out_channels + o, real(largest));
    }
  }
}

void Image::run(const Operation& operation, const Addition&, Pixel) const {
  const Value& value = input(operation);
  const auto real = [&](std::size_t i, std::int64_t at) {
    return real_of(number(operation, i, at), *input(operation, i).grid);
  };
  for (std::int64_t at = 0; at < value.numel(); ++at)
    write(operation, at % value.channels, at, real(0, at) + real(1, at));
}

void Image::run(const Operation& operation, const AveragePool& pool, Pixel) const {
  const Value& image = input(operation);
  const Value& output = network_.values[operation.outputs[0].value];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t channel = at % output.channels, place = at / output.channels;
    std::int32_t sum = 0, count = 0;
    for_each_place(image, pool.window, place / output.width, place % output.width,
                   [&](std::int64_t pixel) {
                     sum += number(operation, 0, pixel * image.channels + channel);
                     ++count;
                   });
    const float mean = static_cast<float>(sum) / static_cast<float>(count);
    write(operation, channel, at, image.grid->scale[0] * mean + image.grid->offset);
  }
}

void Image::run(const Operation& operation, const MaxPool& pool, Pixel) const {
  const Value& image = input(operation);
  const ValueId to = operation.outputs[0].value;
  const Value& output = network_.values[to];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t channel = at % output.channels, place = at / output.channels;
    std::uint8_t largest = 0;
    for_each_place(
        image, pool.window, place / output.width, place % output.width, [&](std::int64_t pixel) {
          largest = std::max(largest, codes(operation.inputs[0])[pixel * image.channels + channel]);
        });
    codes(to)[at] = largest;
  }
}

void Image::run(const Operation& operation, const PadChannels& pad, Pixel) const {
  const Value& image = input(operation);
  const ValueId to = operation.outputs[0].value;
  const Value& output = network_.values[to];
  const std::uint8_t zero = stored_code(0.0f, *image.grid);
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t channel = at % output.channels - pad.before, place = at / output.channels;
    const bool real = channel >= 0 && channel < image.channels;
    codes(to)[at] = real ? codes(operation.inputs[0])[place * image.channels + channel] : zero;
  }
}

}  // namespace

void check_images(const IntegerNetwork& network, const Tensor& images) {
  require(images.rank() == 4 && images.dtype() == DType::f32 && images.dim(1) == network.channels &&
              images.dim(2) == network.height && images.dim(3) == network.width,
          "integer network: expected images [N, {}, {}, {}] of f32, got {} of {}", network.channels,
          network.height, network.width, images.shape().to_string(), name_of(images.dtype()));
}

Values allocate_values(const IntegerNetwork& network, std::int64_t images) {
  Values values;
  for (const Value& value : network.values) {
    values.emplace_back(Shape{images, value.channels, value.height, value.width},
                        value.grid ? DType::u8 : DType::f32);
  }
  return values;
}

Values interpret(const IntegerNetwork& network, const Tensor& images) {
  check_network(network);
  check_images(network, images);
  Values values = allocate_values(network, images.dim(0));
  const std::int64_t size = network.channels * network.height * network.width;
  parallel_for(images.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      Image image(network, values, n);
      for (const Operation& operation : network.operations)
        image.run(operation, images.data() + n * size);
    }
  });
  return values;
}

Tensor logits_of(const IntegerNetwork& network, const Values& values) {
  const Tensor& output = values[network.output];
  return output.reshape({output.dim(0), output.dim(1)});
}

}  // namespace quench::deploy
