#include "deploy/freeze_steps.h"

#include <algorithm>
#include <utility>

#include "core/ops/batch_norm.h"
#include "deploy/network/arithmetic.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

std::vector<float> to_vector(const Tensor& tensor) {
  return {tensor.span().begin(), tensor.span().end()};
}

/// One for each channel; `missing` for what a module does not have.
std::vector<float> numbers_of(const Variable& numbers, float missing, std::int64_t channels) {
  std::vector<float> values = numbers.defined() ? to_vector(numbers.value()) : std::vector{missing};
  if (values.size() == 1) values.resize(static_cast<std::size_t>(channels), values[0]);
  return values;
}

/// How many numbers the steps have for each pixel; 0 if they are the same for all channels.
std::int64_t numbers_per_pixel(const Steps& steps) {
  const auto per_channel =
      std::ranges::find_if(steps, [](const Affine& step) { return !step.scale.empty(); });
  return per_channel == steps.end() ? 0 : std::ssize(per_channel->scale);
}

/// The first `count` numbers, if they recur to the end.
std::vector<float> period(const std::vector<float>& numbers, std::int64_t count,
                          const std::string& reader) {
  for (std::size_t i = static_cast<std::size_t>(count); i < numbers.size(); ++i) {
    require(numbers[i] == numbers[i - static_cast<std::size_t>(count)],
            "deploy: {} reads a flattened image whose batch norm or scale differs from pixel to "
            "pixel; expected it before the flatten, one number per channel",
            reader);
  }
  return {numbers.begin(), numbers.begin() + count};
}

}  // namespace

Affine step_of(const BatchNorm& norm, bool folded) {
  Affine step{.activation = norm.params().activation};
  if (folded) return step;
  const ChannelAffine affine =
      fold_batch_norm(norm.gain().value(), norm.bias().value(), norm.running_mean(),
                      norm.running_var(), norm.params().eps);
  step.scale = to_vector(affine.scale);
  step.shift = to_vector(affine.shift);
  return step;
}

Affine step_of(const ScaleShift& module, std::int64_t channels) {
  // What these do to a number leaves its bits alone, also those of -0, which + 0.0f would not.
  return {.scale = numbers_of(module.scale(), 1.0f, channels),
          .shift = numbers_of(module.shift(), -0.0f, channels)};
}

void prepend(Affine step, Steps& steps) {
  if (step.activation == Activation::none && !steps.empty() && steps[0].scale.empty()) {
    step.activation = steps[0].activation;
    steps.erase(steps.begin());
  }
  if (step.scale.empty() && step.activation == Activation::none) return;
  steps.insert(steps.begin(), std::move(step));
}

Steps slice(const Steps& steps, std::int64_t begin, std::int64_t count) {
  Steps result = steps;
  for (Affine& step : result) {
    if (step.scale.empty()) continue;
    step.scale.assign(step.scale.begin() + begin, step.scale.begin() + begin + count);
    step.shift.assign(step.shift.begin() + begin, step.shift.begin() + begin + count);
  }
  return result;
}

Steps per_channel(Steps steps, std::int64_t channels, const std::string& reader) {
  for (Affine& step : steps) {
    if (step.scale.empty()) continue;
    step.scale = period(step.scale, channels, reader);
    step.shift = period(step.shift, channels, reader);
  }
  return steps;
}

bool keeps_zero(const Steps& steps) {
  const Output output{.steps = steps};
  const auto channels =
      static_cast<std::size_t>(std::max<std::int64_t>(numbers_per_pixel(steps), 1));
  for (std::size_t c = 0; c < channels; ++c)
    if (take_steps(output, c, 0.0f) != 0.0f) return false;
  return true;
}

std::vector<std::uint8_t> falling_channels(const Steps& steps) {
  std::vector<std::uint8_t> falls(static_cast<std::size_t>(numbers_per_pixel(steps)));
  for (const Affine& step : steps) {
    for (std::size_t c = 0; c < step.scale.size(); ++c)
      falls[c] ^= static_cast<std::uint8_t>(step.scale[c] < 0.0f ? 1 : 0);
  }
  if (std::ranges::count(falls, 1) == 0) falls.clear();
  return falls;
}

}  // namespace quench::deploy
