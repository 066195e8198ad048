#include "deploy/integer_only/requantizer.h"

#include <utility>

namespace quench::deploy {

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
