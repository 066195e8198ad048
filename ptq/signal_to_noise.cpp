#include "ptq/signal_to_noise.h"

#include <cmath>
#include <limits>

#include "support/error.h"

namespace quench::train {

void SignalToNoise::add(std::span<const float> signal, std::span<const float> approximation) {
  require(signal.size() == approximation.size(), "sqnr: expected {} values, got {}", signal.size(),
          approximation.size());
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const double x = signal[i], error = x - double{approximation[i]};
    signal_ += x * x;
    noise_ += error * error;
  }
}

double SignalToNoise::db() const {
  if (noise_ == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal_ / noise_);
}

void NormalizedSignalToNoise::add(std::span<const float> signal,
                                  std::span<const float> approximation, std::int64_t channels) {
  const auto width = static_cast<std::size_t>(channels);
  require(signal.size() == approximation.size() && channels > 0 && signal.size() % width == 0,
          "sqnr: expected {} values of {} channels, got {}", signal.size(), channels,
          approximation.size());
  channels_.resize(width);
  for (std::size_t i = 0; i < signal.size(); ++i) {
    Sums& sums = channels_[i % width];
    const double x = signal[i], y = approximation[i];
    sums.x += x;
    sums.y += y;
    sums.xx += x * x;
    sums.yy += y * y;
    sums.xy += x * y;
  }
  positions_ += static_cast<double>(signal.size() / width);
}

double NormalizedSignalToNoise::db() const {
  constexpr double kRounding = 1e-12;  // of sums of squares
  double signal = 0.0, noise = 0.0;
  for (const Sums& sums : channels_) {
    const double xx = sums.xx - sums.x * sums.x / positions_;
    const double yy = sums.yy - sums.y * sums.y / positions_;
    const double xy = sums.xy - sums.x * sums.y / positions_;
    if (xx <= kRounding * sums.xx) continue;
    // Of x with variance 1, the best line through y leaves 1 - r^2, r being the correlation.
    signal += 1.0;
    noise += yy <= kRounding * sums.yy ? 1.0 : 1.0 - xy * xy / (xx * yy);
  }
  if (signal > 0.0 && noise <= kRounding * signal) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(signal / noise);
}

}  // namespace quench::train
