#include "deploy/integer_only/requantizers.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/parallel.h"
#include "deploy/engine/places.h"
#include "deploy/integer_only/accumulator_map.h"
#include "deploy/network/arithmetic.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

// Limits for scores, so that sums and offsets fit in 64 bits.
constexpr int kMaxScoreShift = 62;
constexpr double kMaxMultiplier = 2147483647.0, kMaxScoreOffset = 1e18;

/// The forms of `channels` channels, where channel c has the map `map_of(c)`.
template <typename MapOf>
SumForms sum_forms(const Output& output, const quant::QuantGrid& grid, std::int64_t count,
                   std::size_t channels, MapOf map_of) {
  SumForms result{.count = count, .channels = std::vector<Requantizer>(channels)};
  std::vector<std::uint8_t> nominal(channels);
  parallel_for(static_cast<std::int64_t>(channels), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c) {
      const AccumulatorMap& map = map_of(c);
      const StepFunction codes = codes_of(map, output, grid, c);
      const RealMap linear = in_codes(map.linear, output, grid, c);
      const auto line = nominal_line(linear.slope, linear.offset, codes);
      nominal[c] =
          line && codes.steps.size() > 1 && steps_of(*line, codes.begin, codes.end) == codes ? 1
                                                                                             : 0;
      result.channels[c] = simplest_requantizer(codes);
    }
  });
  result.nominal_exact = std::ranges::count(nominal, 1);
  return result;
}

/// The distinct numbers of pixels inside the image among a pool's windows; border windows have
/// fewer.
std::set<std::int64_t> window_counts(const Value& input, const Value& output,
                                     const Window2d& window) {
  const Pooling pooling(input, output, window);
  std::set<std::int64_t> counts;
  for (std::int64_t place = 0; place < pooling.places(); ++place)
    counts.insert(pooling.for_each_pixel(place, [](std::int64_t) {}));
  return counts;
}

/// The largest error of a channel's fixed-point scores against f32, at sums over the whole range.
double largest_error(const AccumulatorMap& map, const Output& output, std::size_t channel,
                     const Scores& scores) {
  constexpr std::int64_t kSums = 1000;
  double largest = 0.0;
  for (std::int64_t i = 0; i <= kSums; ++i) {
    const std::int64_t sum = map.begin + (map.end - map.begin) * i / kSums;
    const float real = take_steps(output, channel, map.real(sum));
    const std::int64_t fixed = scores.multiplier[channel] * sum + scores.offset[channel];
    const double error = std::ldexp(static_cast<double>(fixed), -scores.shift) - double{real};
    largest = std::max(largest, std::abs(error));
  }
  return largest;
}

/// Uses the largest shift at which every multiplier fits in 31 bits.
Scores scores_of(const Output& output, const std::vector<AccumulatorMap>& maps) {
  const quant::QuantGrid unit_grid;  // its scale is 1
  std::vector<RealMap> lines;
  double slope = 0.0, offset = 0.0;
  for (std::size_t c = 0; c < maps.size(); ++c) {
    lines.push_back(in_codes(maps[c].linear, output, unit_grid, c));
    slope = std::max(slope, std::abs(lines[c].slope));
    offset = std::max(offset, std::abs(lines[c].offset));
  }
  Scores scores{.shift = kMaxScoreShift};
  while (scores.shift > 0 && (std::ldexp(slope, scores.shift) >= kMaxMultiplier ||
                              std::ldexp(offset, scores.shift) >= kMaxScoreOffset))
    --scores.shift;
  for (std::size_t c = 0; c < maps.size(); ++c) {
    scores.multiplier.push_back(
        static_cast<std::int32_t>(std::llround(std::ldexp(lines[c].slope, scores.shift))));
    scores.offset.push_back(std::llround(std::ldexp(lines[c].offset, scores.shift)));
    scores.largest_error =
        std::max(scores.largest_error, largest_error(maps[c], output, c, scores));
  }
  return scores;
}

/// The forms of one output of an operation.
struct FormsOf {
  const IntegerNetwork& network;
  const Operation& operation;
  const Output& output;

  const Value& value() const { return network.values[output.value]; }
  const Value& input(std::size_t i = 0) const { return network.values[operation.inputs[i]]; }
  void expect_codes() const {
    require(value().grid.has_value(),
            "{}: the real output of a network without floats must come from a convolution, got {}",
            operation.name, to_string(operation.kind));
  }
  std::size_t channels() const {
    return has_channels(output.steps) ? static_cast<std::size_t>(value().channels) : 1;
  }

  OutputForms operator()(const Quantize& quantize) const {
    require(quantize.image.empty(),
            "{}: adds an image to the pixels, which has no integer form; expected a network that "
            "subtracts a mean per channel (data.mean)",
            operation.name);
    return {};
  }
  OutputForms operator()(const MaxPool&) const { return {}; }
  OutputForms operator()(const ZeroPad&) const { return {}; }
  OutputForms operator()(const Concatenation&) const { return {}; }
  OutputForms operator()(const Extremum&) const { return {}; }
  OutputForms operator()(const ChannelSelection&) const { return {}; }
  OutputForms operator()(const Upsampling&) const { return {}; }
  OutputForms operator()(const PixelSelection&) const { return {}; }
  OutputForms operator()(const Rearrangement&) const { return {}; }
  OutputForms operator()(const Convolution& convolution) const {
    const std::vector<AccumulatorMap> maps = accumulator_maps(network, operation, convolution);
    if (!value().grid) return scores_of(output, maps);
    const auto map_of = [&](std::size_t c) -> const AccumulatorMap& { return maps[c]; };
    return std::vector{sum_forms(output, *value().grid, 1, maps.size(), map_of)};
  }
  OutputForms operator()(const AveragePool& pool) const {
    expect_codes();
    std::vector<SumForms> result;
    for (const std::int64_t count : window_counts(input(), value(), pool.window)) {
      const AccumulatorMap map = average_map(*input().grid, count);
      const auto map_of = [&](std::size_t) -> const AccumulatorMap& { return map; };
      result.push_back(sum_forms(output, *value().grid, count, channels(), map_of));
    }
    return result;
  }
  OutputForms operator()(const Addition&) const {
    return pair_forms(
        [&](std::size_t c) { return integer_addition(network, operation, output, c); });
  }
  OutputForms operator()(const Multiplication&) const {
    expect_codes();
    const quant::QuantGrid &first = *input(0).grid, &second = *input(1).grid;
    if (first.offset != 0.0f || second.offset != 0.0f)
      return pair_forms(
          [&](std::size_t c) { return product_table(network, operation, output, c); });
    const AccumulatorMap map = product_map(first, second);
    const auto map_of = [&](std::size_t) -> const AccumulatorMap& { return map; };
    return std::vector{sum_forms(output, *value().grid, 1, channels(), map_of)};
  }
  OutputForms operator()(const Lookup& lookup) const {
    expect_codes();
    const bool shared = lookup.table.size() == table_of(lookup, input(), 0).size();
    const std::size_t count = shared ? channels() : static_cast<std::size_t>(value().channels);
    TableForms result{std::vector<std::vector<std::int32_t>>(count)};
    for (std::size_t c = 0; c < count; ++c) {
      for (const float real : table_of(lookup, input(), static_cast<std::int64_t>(c)))
        result.channels[c].push_back(code_of(real, output, *value().grid, c));
    }
    return result;
  }

  /// Computes `form_of(c)` for all channels in parallel.
  template <typename FormOf>
  AdditionForms pair_forms(FormOf form_of) const {
    expect_codes();
    AdditionForms result{std::vector<IntegerAddition>(channels())};
    parallel_for(std::ssize(result.channels), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c)
        result.channels[c] = form_of(c);
    });
    return result;
  }
};

}  // namespace

std::vector<OutputForms> requantizers(const IntegerNetwork& network, const Operation& operation) {
  std::vector<OutputForms> forms;
  for (const Output& output : operation.outputs)
    forms.push_back(std::visit(FormsOf{network, operation, output}, operation.kind));
  return forms;
}

std::int32_t Requantizer::operator()(std::int64_t sum) const {
  return form == Form::thresholds ? codes(sum) : line(sum);
}

Requantizer simplest_requantizer(StepFunction codes) {
  Requantizer result;
  const auto exact = [&](const FixedPointMap& line) {
    return steps_of(line, codes.begin, codes.end) == codes;
  };
  const auto as_line = [&](Form form, const FixedPointMap& line) {
    result.form = form;
    result.line = line;
    codes.steps.clear();
  };
  if (codes.steps.empty()) {
    as_line(Form::constant, {.offset = codes.first, .low = codes.first, .high = codes.first});
  } else if (codes.steps.size() == 1) {
    result.form = Form::thresholds;
  } else if (const auto shift = fit_shift(codes); shift && exact(*shift)) {
    as_line(Form::shift, *shift);
  } else {
    const FixedPointMap line = fit_line(codes);
    result.line_differs = difference(steps_of(line, codes.begin, codes.end), codes);
    if (result.line_differs.count == 0) {
      as_line(Form::multiplier, line);
    } else {
      result.form = Form::thresholds;
      result.line = line;
    }
  }
  result.codes = std::move(codes);
  return result;
}

}  // namespace quench::deploy
