#include "quant/grid.h"

#include <algorithm>
#include <cmath>

#include "quant/code.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// The level nearest to v, in units of a step; the upper one on ties.
float nearest_level(float v, const std::vector<std::int32_t>& levels) {
  const float number = v == v ? v : 0.0f;
  const auto upper = std::ranges::lower_bound(
      levels, number, {}, [](std::int32_t level) { return static_cast<float>(level); });
  if (upper == levels.begin()) return static_cast<float>(levels.front());
  if (upper == levels.end()) return static_cast<float>(levels.back());
  const auto above = static_cast<float>(*upper), below = static_cast<float>(*(upper - 1));
  return number - below < above - number ? below : above;
}

/// out[i] = unit[channel] * code(x[i]) + offset; with a null `unit`, the integer codes.
void write_codes(const Tensor& x, const QuantGrid& grid, const float* unit, Tensor& out) {
  const float* in = x.data();
  float* o = out.data();
  for_each_channel(x, grid.scale.size(),
                   [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
                     const float scale = grid.scale[channel];
                     const float factor = unit != nullptr ? unit[channel] : 1.0f;
                     const float shift = grid.offset, base = unit != nullptr ? shift : 0.0f;
                     if (grid.binary()) {
                       for (std::int64_t i = begin; i < end; ++i)
                         o[i] = factor * binary_code(in[i] - shift) + base;
                       return;
                     }
                     if (!grid.levels.empty()) {
                       for (std::int64_t i = begin; i < end; ++i)
                         o[i] = factor * nearest_level((in[i] - shift) / scale, grid.levels) + base;
                       return;
                     }
                     const CodeRange range = centered_range(grid, channel);
                     for (std::int64_t i = begin; i < end; ++i) {
                       o[i] = factor * integer_code(in[i] - shift, scale, range) + base;
                     }
                   });
}

QuantGrid make_grid(int bits, std::int32_t qmin, std::int32_t qmax) {
  QuantGrid grid;
  grid.bits = bits;
  grid.qmin = qmin;
  grid.qmax = qmax;
  return grid;
}

void require_bits(const char* name, int bits, int least) {
  require(bits >= least && bits <= 8, "{}: expected bits in {}..8, got {}", name, least, bits);
}

}  // namespace

CodeRange centered_range(const QuantGrid& grid, std::size_t channel) {
  return {static_cast<float>(grid.qmin - grid.zero_point[channel]),
          static_cast<float>(grid.qmax - grid.zero_point[channel])};
}

ByteGrid byte_grid(const QuantGrid& grid) {
  return {.scale = grid.scale[0],
          .offset = grid.offset,
          .low = grid.qmin - grid.zero_point[0],
          .high = grid.qmax - grid.zero_point[0]};
}

std::int64_t largest_code(const QuantGrid& grid) {
  const std::int64_t zero = grid.zero_point[0];
  return std::max(grid.qmax - zero, zero - grid.qmin);
}

void QuantGrid::set_channels(std::size_t count, bool per_channel) {
  axis = per_channel ? 0 : -1;
  scale.assign(count, 1.0f);
  zero_point.assign(count, 0);
}

void check_grid(const QuantGrid& grid, const Shape& shape) {
  require_bits("grid", grid.bits, 1);
  require(grid.qmin < grid.qmax, "grid: expected qmin < qmax, got {} and {}", grid.qmin, grid.qmax);
  require(grid.axis == -1 || (grid.axis == 0 && shape.rank() > 0),
          "grid: expected axis -1 (per tensor) or 0 (per output channel), got {} for shape {}",
          grid.axis, shape.to_string());
  const std::int64_t channels = grid.axis == 0 ? shape[0] : 1;
  require(static_cast<std::int64_t>(grid.scale.size()) == channels &&
              grid.zero_point.size() == grid.scale.size(),
          "grid: expected {} scales and zero points for shape {}, got {} and {}", channels,
          shape.to_string(), grid.scale.size(), grid.zero_point.size());
  for (const float scale : grid.scale) {
    require(std::isfinite(scale) && scale > 0.0f, "grid: expected a finite scale > 0, got {}",
            scale);
  }
  for (const std::int32_t zero_point : grid.zero_point) {
    require(zero_point >= grid.qmin && zero_point <= grid.qmax,
            "grid: expected a zero point in {}..{}, got {}", grid.qmin, grid.qmax, zero_point);
  }
  require(std::isfinite(grid.offset), "grid: expected a finite offset, got {}", grid.offset);
  if (grid.levels.empty()) return;
  require(std::ranges::is_sorted(grid.levels) && grid.levels.front() == grid.qmin &&
              grid.levels.back() == grid.qmax &&
              std::ranges::all_of(grid.zero_point, [](std::int32_t z) { return z == 0; }),
          "grid: expected levels that ascend from qmin = {} to qmax = {}, and zero point 0",
          grid.qmin, grid.qmax);
}

float centered_code(float x, const QuantGrid& grid) {
  const float shifted = x - grid.offset;
  if (grid.binary()) return binary_code(shifted);
  if (!grid.levels.empty()) return nearest_level(shifted / grid.scale[0], grid.levels);
  return integer_code(shifted, grid.scale[0], centered_range(grid));
}

Tensor centered_codes(const Tensor& x, const QuantGrid& grid) {
  check_grid(grid, x.shape());
  Tensor codes(x.shape());
  write_codes(x, grid, nullptr, codes);
  return codes;
}

Tensor dequantize(const Tensor& codes, const QuantGrid& grid) {
  check_grid(grid, codes.shape());
  Tensor out(codes.shape());
  const float* in = codes.data();
  float* o = out.data();
  for_each_channel(codes, grid.scale.size(),
                   [&](std::size_t channel, std::int64_t begin, std::int64_t end) {
                     const float scale = grid.scale[channel], offset = grid.offset;
                     for (std::int64_t i = begin; i < end; ++i) o[i] = scale * in[i] + offset;
                   });
  return out;
}

Tensor fake_quantize(const Tensor& x, const QuantGrid& grid) {
  check_grid(grid, x.shape());
  Tensor out(x.shape());
  write_codes(x, grid, grid.scale.data(), out);
  return out;
}

QuantGrid signed_narrow_grid(int bits) {
  require_bits("signed_narrow_grid", bits, 2);
  const std::int32_t qmax = (1 << (bits - 1)) - 1;
  return make_grid(bits, -qmax, qmax);
}

QuantGrid signed_full_grid(int bits) {
  require_bits("signed_full_grid", bits, 2);
  const std::int32_t qmax = (1 << (bits - 1)) - 1;
  return make_grid(bits, -qmax - 1, qmax);
}

QuantGrid unsigned_grid(int bits) {
  require_bits("unsigned_grid", bits, 1);
  return make_grid(bits, 0, (1 << bits) - 1);
}

QuantGrid binary_grid() {
  QuantGrid grid = make_grid(1, -1, 1);
  grid.levels = {-1, 1};
  return grid;
}

}  // namespace quench::quant
