#include "deploy/epilogue.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "deploy/arithmetic.h"
#include "quant/code.h"

namespace quench::deploy {
namespace {

bool uniform(const Value& value) { return value.grid && value.grid->levels.empty(); }

}  // namespace

Epilogue::Epilogue(const Output& output, const Value& value)
    : output_(output), value_(value), channels_(value.channels) {}

Epilogue::Epilogue(const Output& output, const Value& value, std::vector<float> scale,
                   std::vector<float> bias, const std::vector<std::int64_t>& largest)
    : output_(output),
      value_(value),
      channels_(value.channels),
      scale_(std::move(scale)),
      bias_(std::move(bias)) {
  if (value.grid && value.grid->binary()) threshold_ = find_thresholds(largest);
}

std::size_t Epilogue::pixel_bytes() const {
  return static_cast<std::size_t>(channels_) * (value_.grid ? 1 : sizeof(float));
}

float Epilogue::real(std::int64_t sum, std::size_t channel) const {
  float x = static_cast<float>(sum) * scale_[channel];
  if (!bias_.empty()) x += bias_[channel];
  for (const Affine& step : output_.steps) x = apply(step, channel, x);
  return x;
}

Epilogue::Threshold Epilogue::find_thresholds(const std::vector<std::int64_t>& largest) const {
  Threshold result;
  for (std::size_t c = 0; c < scale_.size(); ++c) {
    const auto code = [&](std::int64_t sum) {
      return stored_code(real(sum, c), *value_.grid) != 0;
    };
    const std::int64_t end = largest[c];
    const bool falls = code(-end) && !code(end);
    // The complement of a sum counts down where the sum counts up.
    const auto at = [&](std::int64_t place) { return code(falls ? ~place : place); };
    std::int64_t low = -end - 1, high = end + 1;  // at(high) is 1, if anything is
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (at(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    result.flip.push_back(falls ? -1 : 0);
    result.least.push_back(static_cast<std::int32_t>(
        std::min(low, std::int64_t{std::numeric_limits<std::int32_t>::max()})));
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

/// What a loop over the channels of a pixel needs of one step, in registers.
struct Line {
  const float* scale;
  const float* shift;
  ActivationRange range;
};

/// Codes of uniform grids from reals, as quant::integer_code() has them.
struct Encoder {
  explicit Encoder(const quant::QuantGrid& grid)
      : scale(grid.scale[0]),
        offset(grid.offset),
        range(quant::centered_range(grid)),
        zero(grid.zero_point[0] - grid.qmin) {}

  std::uint8_t operator()(float x) const {
    return static_cast<std::uint8_t>(
        static_cast<std::int32_t>(quant::integer_code(x - offset, scale, range)) + zero);
  }

  float scale, offset;
  quant::CodeRange range;
  std::int32_t zero;
};

/// One pass from sums to codes. kBias, kAffine: whether there is a bias, a scale and shift.
template <bool kBias, bool kAffine>
void fused_pixel(const std::int32_t* sums, std::int64_t channels, const float* scale,
                 const float* bias, Line line, Encoder encode, std::uint8_t* out) {
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) {
    float x = static_cast<float>(sums[c]) * scale[c];
    if constexpr (kBias) x += bias[c];
    if constexpr (kAffine) x = x * line.scale[c] + line.shift[c];
    out[c] = encode(line.range.clamp(x));
  }
}

}  // namespace

void Epilogue::fused(const std::int32_t* sums, std::int64_t pixels, std::uint8_t* out) const {
  const bool step = !output_.steps.empty();
  const bool affine = step && !output_.steps[0].scale.empty();
  const Line line{affine ? output_.steps[0].scale.data() : nullptr,
                  affine ? output_.steps[0].shift.data() : nullptr,
                  range_of(step ? output_.steps[0].activation : Activation::none)};
  constexpr std::array kLoops{fused_pixel<false, false>, fused_pixel<false, true>,
                              fused_pixel<true, false>, fused_pixel<true, true>};
  const auto loop = kLoops[(bias_.empty() ? 0u : 2u) + (affine ? 1u : 0u)];
  const Encoder encode(*value_.grid);
  for (std::int64_t p = 0; p < pixels; ++p, sums += channels_, out += channels_)
    loop(sums, channels_, scale_.data(), bias_.data(), line, encode, out);
}

void Epilogue::run(const std::int32_t* sums, const float* addend, std::int64_t pixels,
                   std::byte* out) const {
  if (addend == nullptr) {
    auto* codes = reinterpret_cast<std::uint8_t*>(out);
    if (!threshold_.least.empty()) return threshold(sums, pixels, codes);
    if (uniform(value_) && output_.steps.size() <= 1) return fused(sums, pixels, codes);
  }
  std::vector<float> reals(static_cast<std::size_t>(channels_));
  for (std::int64_t p = 0; p < pixels; ++p, sums += channels_) {
    for (std::int64_t c = 0; c < channels_; ++c) {
      float x = static_cast<float>(sums[c]) * scale_[static_cast<std::size_t>(c)];
      if (addend != nullptr) x += addend[p * channels_ + c];
      reals[static_cast<std::size_t>(c)] =
          bias_.empty() ? x : x + bias_[static_cast<std::size_t>(c)];
    }
    run_reals(reals.data(), 1, out + static_cast<std::size_t>(p) * pixel_bytes());
  }
}

void Epilogue::write(const float* reals, std::int64_t count, std::byte* out) const {
  if (!value_.grid) {
    std::copy_n(reals, count, reinterpret_cast<float*>(out));
    return;
  }
  auto* codes = reinterpret_cast<std::uint8_t*>(out);
  if (!uniform(value_)) {
    for (std::int64_t i = 0; i < count; ++i) codes[i] = stored_code(reals[i], *value_.grid);
    return;
  }
  const Encoder encode(*value_.grid);
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) codes[i] = encode(reals[i]);
}

void Epilogue::run_reals(float* reals, std::int64_t pixels, std::byte* out) const {
  const std::int64_t count = pixels * channels_;
  for (const Affine& step : output_.steps) {
    const ActivationRange range = range_of(step.activation);
    if (step.scale.empty()) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) reals[i] = range.clamp(reals[i]);
      continue;
    }
    const float* scale = step.scale.data();
    const float* shift = step.shift.data();
    for (float* pixel = reals; pixel < reals + count; pixel += channels_) {
#pragma omp simd
      for (std::int64_t c = 0; c < channels_; ++c)
        pixel[c] = range.clamp(pixel[c] * scale[c] + shift[c]);
    }
  }
  write(reals, count, out);
}

}  // namespace quench::deploy
