#include "deploy/engine/epilogue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "deploy/network/arithmetic.h"
#include "deploy/network/step_function.h"

namespace quench::deploy {
namespace {

/// The largest magnitude of any intermediate result of the steps.
double reach_after(const std::vector<Affine>& steps, double reach) {
  double most = reach;
  for (const Affine& step : steps) {
    double next = step.scale.empty() ? reach : 0.0;
    for (std::size_t c = 0; c < step.scale.size(); ++c)
      next =
          std::max(next, std::abs(double{step.scale[c]}) * reach + std::abs(double{step.shift[c]}));
    reach = next;
    most = std::max(most, reach);
  }
  return most;
}

/// Null for float32 outputs, grids with levels, and values that may overflow.
std::optional<Encoder> make_encoder(const Output& output, const Value& value, double reach) {
  constexpr double kFinite = 1e38;
  if (!value.grid || !value.grid->levels.empty()) return std::nullopt;
  const double most = reach_after(output.steps, reach) + std::abs(double{value.grid->offset});
  if (!(most < kFinite && most / double{value.grid->scale[0]} < kFinite)) return std::nullopt;
  return Encoder(*value.grid,
                 output.steps.empty() ? Activation::none : output.steps.back().activation);
}

double largest_result(const std::vector<float>& scale, const std::vector<float>& bias,
                      const std::vector<std::int64_t>& largest, float addend) {
  double reach = 0.0;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double shift = bias.empty() ? 0.0 : std::abs(double{bias[c]});
    reach = std::max(reach, static_cast<double>(largest[c]) * double{scale[c]} + shift);
  }
  return reach + double{addend};
}

}  // namespace

Epilogue::Epilogue(const Output& output, const Value& value, double reach)
    : output_(output),
      value_(value),
      channels_(value.channels),
      encoder_(make_encoder(output, value, reach)) {}

Epilogue::Epilogue(const Output& output, const Value& value, std::vector<float> scale,
                   std::vector<float> bias, const std::vector<std::int64_t>& largest, float addend)
    : output_(output),
      value_(value),
      channels_(value.channels),
      encoder_(make_encoder(output, value, largest_result(scale, bias, largest, addend))),
      scale_(std::move(scale)),
      bias_(std::move(bias)) {
  if (value.grid && value.grid->binary()) threshold_ = find_thresholds(largest);
}

std::size_t Epilogue::pixel_bytes() const {
  return static_cast<std::size_t>(channels_) * (value_.grid ? 1 : sizeof(float));
}

Epilogue::Threshold Epilogue::find_thresholds(const std::vector<std::int64_t>& largest) const {
  Threshold result;
  for (std::size_t c = 0; c < scale_.size(); ++c) {
    const auto code = [&](std::int64_t sum) -> std::int32_t {
      float x = static_cast<float>(sum) * scale_[c];
      if (!bias_.empty()) x += bias_[c];
      return stored_code(take_steps(output_, c, x), *value_.grid);
    };
    const StepFunction codes = find_steps(code, -largest[c], largest[c]);
    // The complement of a sum falls as the sum rises, and no sum equals an int32 limit.
    std::int64_t least = codes.first != 0 ? std::numeric_limits<std::int32_t>::min()
                                          : std::numeric_limits<std::int32_t>::max();
    if (!codes.steps.empty()) least = codes.falls() ? -codes.steps[0].from : codes.steps[0].from;
    result.flip.push_back(codes.falls() ? -1 : 0);
    result.least.push_back(static_cast<std::int32_t>(least));
  }
  return result;
}

void Epilogue::threshold(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const {
  const std::int32_t* flip = threshold_.flip.data();
  const std::int32_t* least = threshold_.least.data();
  for (std::int64_t p = 0; p < pixels; ++p, sums += channels_, out += channels_) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels_; ++c)
      out[c] = static_cast<std::uint8_t>((sums[c] ^ flip[c]) >= least[c] ? 2 : 0);
  }
}

namespace {

/// Converts sums to codes in one pass. kBias: with a bias. kAffine: with a scale and shift.
template <bool kBias, bool kAffine, typename Encode>
void encode_sums(const std::int32_t* sums, std::int64_t pixels, std::span<const float> scales,
                 const float* bias, const Affine* step, Encode encode, std::uint8_t* out) {
  const auto channels = static_cast<std::int64_t>(scales.size());
  const float* scale = scales.data();
  const float* step_scale = kAffine ? step->scale.data() : nullptr;
  const float* step_shift = kAffine ? step->shift.data() : nullptr;
  for (std::int64_t p = 0; p < pixels; ++p, sums += channels, out += channels) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      float x = static_cast<float>(sums[c]) * scale[c];
      if constexpr (kBias) x += bias[c];
      if constexpr (kAffine) x = x * step_scale[c] + step_shift[c];
      out[c] = encode(x);
    }
  }
}

}  // namespace

void Epilogue::fused(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const {
  const Affine* step = output_.steps.empty() ? nullptr : &output_.steps[0];
  const bool affine = step != nullptr && !step->scale.empty();
  encoder_->run([&](auto encode) {
    const auto loop = [&]<bool kBias, bool kAffine>() {
      encode_sums<kBias, kAffine>(sums, pixels, scale_, bias_.data(), step, encode, out);
    };
    if (bias_.empty()) {
      affine ? loop.template operator()<false, true>() : loop.template operator()<false, false>();
    } else {
      affine ? loop.template operator()<true, true>() : loop.template operator()<true, false>();
    }
  });
}

namespace {

/// Applies `step` to whole pixels in place.
void take_step(const Affine& step, std::vector<float>& values) {
  const ActivationRange range = range_of(step.activation);
  const auto count = static_cast<std::int64_t>(values.size());
  float* x = values.data();
  if (step.scale.empty()) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) x[i] = range.clamp(x[i]);
    return;
  }
  const auto channels = static_cast<std::int64_t>(step.scale.size());
  const float* scale = step.scale.data();
  const float* shift = step.shift.data();
  for (float* pixel = x; pixel < x + count; pixel += channels) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c)
      pixel[c] = range.clamp(pixel[c] * scale[c] + shift[c]);
  }
}

}  // namespace

void Epilogue::run(const std::int32_t* sums, const float* addend, std::int64_t pixels,
                   std::byte* out) const {
  if (addend == nullptr) {
    auto* codes = reinterpret_cast<std::uint8_t*>(out);
    if (!threshold_.least.empty()) return threshold(sums, pixels, codes);
    if (encoder_ && output_.steps.size() <= 1) return fused(sums, pixels, codes);
  }
  std::vector<float> values(static_cast<std::size_t>(channels_));
  for (std::int64_t p = 0; p < pixels; ++p, sums += channels_) {
    for (std::int64_t c = 0; c < channels_; ++c) {
      float x = static_cast<float>(sums[c]) * scale_[static_cast<std::size_t>(c)];
      if (addend != nullptr) x += addend[p * channels_ + c];
      values[static_cast<std::size_t>(c)] =
          bias_.empty() ? x : x + bias_[static_cast<std::size_t>(c)];
    }
    run_reals(values.data(), 1, out + static_cast<std::size_t>(p) * pixel_bytes());
  }
}

void Epilogue::write(const float* values, std::int64_t count, std::byte* out) const {
  if (!value_.grid) {
    std::copy_n(values, count, reinterpret_cast<float*>(out));
    return;
  }
  auto* codes = reinterpret_cast<std::uint8_t*>(out);
  if (!encoder_) {
    for (std::int64_t i = 0; i < count; ++i) codes[i] = stored_code(values[i], *value_.grid);
    return;
  }
  encoder_->run([=](auto encode) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) codes[i] = encode(values[i]);
  });
}

void Epilogue::run_reals(const float* values, std::int64_t pixels, std::byte* out) const {
  std::span<const Affine> steps = output_.steps;
  // The encoder applies the last clamp.
  if (encoder_ && !steps.empty() && steps.back().scale.empty())
    steps = steps.first(steps.size() - 1);
  const std::int64_t count = pixels * channels_;
  if (steps.empty()) return write(values, count, out);
  std::vector<float> changed(values, values + count);
  for (const Affine& step : steps) take_step(step, changed);
  write(changed.data(), count, out);
}

double largest_real(const quant::QuantGrid& grid) {
  return static_cast<double>(quant::largest_code(grid)) * double{grid.scale[0]} +
         std::abs(double{grid.offset});
}

PlainOutputs::PlainOutputs(const IntegerNetwork& network, const Operation& operation,
                           double reach) {
  for (const Output& output : operation.outputs)
    epilogues_.emplace_back(output, network.values[output.value], reach);
}

void PlainOutputs::write(const PreparedOperation::Memory& memory, const float* values,
                         std::int64_t first, std::int64_t pixels) const {
  for (const Epilogue& epilogue : epilogues_)
    epilogue.run_reals(values, pixels, pixel_of(memory, epilogue, first));
}

}  // namespace quench::deploy
