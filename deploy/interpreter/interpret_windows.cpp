#include <algorithm>
#include <vector>

#include "deploy/interpreter/interpreted_image.h"

namespace quench::deploy {
namespace {

/// Calls visit(y, x, tap) for the taps of a window inside the image.
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

}  // namespace

void InterpretedImage::run(const Operation& operation, const Convolution& conv, Pixel) const {
  const Value& image = input(operation);
  const quant::QuantGrid& grid = *image.grid;
  const std::int64_t group_in = image.channels / conv.params.groups;
  const std::int64_t group_out = conv.out_channels / conv.params.groups;
  const std::int64_t taps = std::int64_t{conv.kernel[0]} * conv.kernel[1];
  const std::uint8_t* in = codes(operation.inputs[0]);
  const auto [sum_height, sum_width] = sums_size(image, conv);

  std::vector<std::int32_t> sums(static_cast<std::size_t>(sum_height * sum_width));
  // The sum of the weights of taps inside the image, for the contribution of an offset.
  std::vector<std::int32_t> weights(sums.size());
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

void InterpretedImage::run(const Operation& operation, const AveragePool& pool, Pixel) const {
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

void InterpretedImage::run(const Operation& operation, const MaxPool& pool, Pixel) const {
  const Value& image = input(operation);
  const ValueId to = operation.outputs[0].value;
  const Value& output = network_.values[to];
  for (std::int64_t at = 0; at < output.numel(); ++at) {
    const std::int64_t channel = at % output.channels, place = at / output.channels;
    const bool smallest =
        !pool.smallest.empty() && pool.smallest[static_cast<std::size_t>(channel)] != 0;
    std::uint8_t chosen = smallest ? 255 : 0;
    for_each_place(
        image, pool.window, place / output.width, place % output.width, [&](std::int64_t pixel) {
          const std::uint8_t code = codes(operation.inputs[0])[pixel * image.channels + channel];
          chosen = smallest ? std::min(chosen, code) : std::max(chosen, code);
        });
    codes(to)[at] = chosen;
  }
}

}  // namespace quench::deploy
