#include "core/ops/folded_batch_norm.h"

#include "core/ops/channel_loop.h"
#include "support/error.h"

namespace quench {
namespace {

/// y = (product * sigma_running + offset) * inv_std + bias, offset = gain (layer_bias - mean). The
/// sum in parentheses comes first: product contains the layer's mean, and once the offset has
/// removed it, the difference is small compared with both.
struct Lines {
  std::vector<float> sigma, offset, inv_std;

  Lines(const ChannelLoop& loop, const FoldedBatchNormInputs& inputs)
      : sigma(loop.line([&](std::int64_t c) { return inputs.sigma_running.data()[c]; })),
        offset(loop.line(
            [&](std::int64_t c) { return inputs.gain.data()[c] * centred_bias(inputs, c); })),
        inv_std(loop.line([&](std::int64_t c) { return inputs.batch.inv_std.data()[c]; })) {}

  static float centred_bias(const FoldedBatchNormInputs& inputs, std::int64_t c) {
    const float layer_bias = inputs.layer_bias.defined() ? inputs.layer_bias.data()[c] : 0.0f;
    return layer_bias - inputs.batch.mean.data()[c];
  }
};

}  // namespace

Tensor folded_batch_norm(const FoldedBatchNormInputs& inputs) {
  require(inputs.product.shape() == inputs.plain.shape(),
          "folded_batch_norm: expected equal shapes, got {} and {}",
          inputs.product.shape().to_string(), inputs.plain.shape().to_string());
  const ChannelLoop loop(inputs.product);
  const Lines lines(loop, inputs);
  const std::vector<float> shifts =
      loop.line([&](std::int64_t c) { return inputs.bias.data()[c]; });
  Tensor output(inputs.product.shape());
  loop.for_each([in = inputs.product.data(), out = output.data(), sigma = lines.sigma.data(),
                 offset = lines.offset.data(), inv_std = lines.inv_std.data(),
                 shift = shifts.data()](std::int64_t i, std::int64_t c) {
    out[i] = (in[i] * sigma[c] + offset[c]) * inv_std[c] + shift[c];
  });
  return output;
}

FoldedBatchNormGradients folded_batch_norm_backward(const Tensor& grad_output,
                                                    const FoldedBatchNormInputs& inputs) {
  const ChannelLoop loop(inputs.product);
  const Lines lines(loop, inputs);
  ChannelLoop::Sums sums = loop.sum(
      grad_output, [in = inputs.product.data(), sigma = lines.sigma.data(),
                    offset = lines.offset.data()](float g, std::int64_t i, std::int64_t c) {
        return ChannelLoop::Terms{g, g * (in[i] * sigma[c] + offset[c])};
      });

  const Shape channels{loop.channels()};
  FoldedBatchNormGradients grads{Tensor(inputs.product.shape()), Tensor(inputs.plain.shape()),
                                 Tensor(channels), Tensor(channels), Tensor(channels)};
  for (std::int64_t c = 0; c < loop.channels(); ++c) {
    const double sum = sums.first[static_cast<std::size_t>(c)];
    const double normalised = sum * static_cast<double>(inputs.batch.inv_std.data()[c]);
    grads.bias.data()[c] = static_cast<float>(sum);
    grads.gain.data()[c] =
        static_cast<float>(normalised * static_cast<double>(Lines::centred_bias(inputs, c)));
    grads.layer_bias.data()[c] =
        static_cast<float>(normalised * static_cast<double>(inputs.gain.data()[c]));
  }

  // With M values per channel: dmean/dplain = 1/M, dinv_std/dplain = -inv_std^3 (plain - mean)/M.
  if (inputs.batch.synchronized) sums.join_ranks();
  const auto count = static_cast<double>(whole_batch(loop.rows(), inputs.batch.synchronized));
  const std::vector<float> means =
      loop.line([&](std::int64_t c) { return inputs.batch.mean.data()[c]; });
  const std::vector<float> offsets = loop.line([&](std::int64_t c) {
    const double to_mean = sums.first[static_cast<std::size_t>(c)] *
                           static_cast<double>(inputs.batch.inv_std.data()[c]) *
                           static_cast<double>(inputs.gain.data()[c]);
    return static_cast<float>(to_mean / count);
  });
  const std::vector<float> slopes = loop.line([&](std::int64_t c) {
    const auto inv_std = static_cast<double>(inputs.batch.inv_std.data()[c]);
    return static_cast<float>(sums.second[static_cast<std::size_t>(c)] * inv_std * inv_std *
                              inv_std / count);
  });
  loop.for_each([g = grad_output.data(), plain = inputs.plain.data(),
                 to_product = grads.product.data(), to_plain = grads.plain.data(),
                 sigma = lines.sigma.data(), inv_std = lines.inv_std.data(), mean = means.data(),
                 offset = offsets.data(), slope = slopes.data()](std::int64_t i, std::int64_t c) {
    to_product[i] = g[i] * (sigma[c] * inv_std[c]);
    to_plain[i] = -offset[c] - (plain[i] - mean[c]) * slope[c];
  });
  return grads;
}

}  // namespace quench
