#include "datasets/resize.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

namespace quench::datasets {
namespace {

/// The source pixels along one axis that contribute to one output pixel, and their weights.
struct Taps {
  int first = 0;
  int count = 0;
  const float* weights = nullptr;
};

/// Taps of the outputs [begin, begin + count), for `source` pixels resized to `size`.
class Filter {
 public:
  Filter(int source, int size, int begin, int count) {
    const double step = static_cast<double>(source) / size;
    const double width = std::max(step, 1.0);  // half the base of the triangle
    for (int i = begin; i < begin + count; ++i) add(source, (i + 0.5) * step, width);
    for (std::size_t i = 0; i < taps_.size(); ++i) taps_[i].weights = weights_.data() + starts_[i];
  }

  const Taps& operator[](int output) const { return taps_[static_cast<std::size_t>(output)]; }
  int begin() const { return taps_.front().first; }
  int end() const { return taps_.back().first + taps_.back().count; }

 private:
  void add(int source, double center, double width) {
    const int first = std::max(0, static_cast<int>(std::lround(center - width)));
    const int last = std::min(source, static_cast<int>(std::lround(center + width)));
    const auto weight = [&](int pixel) {
      return std::max(0.0, 1.0 - std::abs(pixel + 0.5 - center) / width);
    };
    double sum = 0.0;
    for (int pixel = first; pixel < last; ++pixel) sum += weight(pixel);
    starts_.push_back(weights_.size());
    for (int pixel = first; pixel < last; ++pixel) {
      weights_.push_back(static_cast<float>(weight(pixel) / sum));
    }
    taps_.push_back({.first = first, .count = last - first});
  }

  std::vector<Taps> taps_;
  std::vector<std::size_t> starts_;
  std::vector<float> weights_;
};

/// Vertical pass: mixes rows byte by byte, whatever the channel.
void mix_rows(const ImageView& source, const Taps& taps, int first_column,
              std::vector<float>& row) {
  std::fill(row.begin(), row.end(), 0.0f);
  for (int k = 0; k < taps.count; ++k) {
    const float weight = taps.weights[k];
    const std::uint8_t* bytes =
        source.row(taps.first + k) + std::ptrdiff_t{first_column} * source.channels;
    for (std::size_t i = 0; i < row.size(); ++i) row[i] += weight * static_cast<float>(bytes[i]);
  }
}

/// Horizontal pass over one mixed row. `Channels` is a compile-time constant, so the sums stay in
/// registers.
template <int Channels>
void mix_columns(const std::vector<float>& row, const Filter& filter, int width,
                 std::uint8_t* output) {
  const int first_column = filter.begin();
  for (int x = 0; x < width; ++x) {
    const Taps& taps = filter[x];
    const float* pixel = row.data() + std::ptrdiff_t{taps.first - first_column} * Channels;
    float sum[Channels] = {};
    for (int k = 0; k < taps.count; ++k, pixel += Channels) {
      for (int c = 0; c < Channels; ++c) sum[c] += taps.weights[k] * pixel[c];
    }
    for (int c = 0; c < Channels; ++c) *output++ = to_byte(sum[c]);
  }
}

void copy(const ImageView& source, const Box& window, std::uint8_t* output) {
  const ImageView part = source.part(window);
  const auto row_bytes =
      static_cast<std::size_t>(part.width) * static_cast<std::size_t>(part.channels);
  for (int y = 0; y < part.height; ++y, output += row_bytes) {
    std::memcpy(output, part.row(y), row_bytes);
  }
}

}  // namespace

void resize(const ImageView& source, int width, int height, const Box& window,
            std::uint8_t* output) {
  assert(source.channels == 1 || source.channels == 3);
  assert(window.x >= 0 && window.width >= 1 && window.x + window.width <= width);
  assert(window.y >= 0 && window.height >= 1 && window.y + window.height <= height);
  if (source.width == width && source.height == height) return copy(source, window, output);
  const Filter columns(source.width, width, window.x, window.width);
  const Filter rows(source.height, height, window.y, window.height);
  std::vector<float> row(
      static_cast<std::size_t>((columns.end() - columns.begin()) * source.channels));
  const auto mix = source.channels == 1 ? mix_columns<1> : mix_columns<3>;
  for (int y = 0; y < window.height; ++y) {
    mix_rows(source, rows[y], columns.begin(), row);
    mix(row, columns, window.width, output + std::ptrdiff_t{y} * window.width * source.channels);
  }
}

void central_view(const ImageView& source, int short_side, int height, int width,
                  std::uint8_t* output) {
  assert(short_side >= height && short_side >= width);
  const std::int64_t shorter = std::min(source.width, source.height);
  const auto resized = [&](int side) {
    return static_cast<int>(std::int64_t{side} * short_side / shorter);
  };
  const int resized_width = resized(source.width), resized_height = resized(source.height);
  const Box window{.x = (resized_width - width) / 2,
                   .y = (resized_height - height) / 2,
                   .width = width,
                   .height = height};
  resize(source, resized_width, resized_height, window, output);
}

}  // namespace quench::datasets
