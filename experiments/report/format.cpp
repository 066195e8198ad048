#include "experiments/report/format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace quench::train::report {

namespace {

/// A true minus, as wide as a plus.
std::string with_minus(std::string number) {
  if (number.starts_with('-')) number.replace(0, 1, "−");
  return number;
}

}  // namespace

std::string fixed(const std::optional<double>& value, int decimals) {
  if (!value || !std::isfinite(*value)) return kDash;
  const std::string text = fmt::format("{:.{}f}", *value, decimals);
  // What rounds to 0 has no sign.
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return with_minus(is_zero && text.starts_with('-') ? text.substr(1) : text);
}

std::string percent(const std::optional<double>& value, int decimals) {
  const std::string text = fixed(value, decimals);
  return text == kDash ? text : text + " %";
}

std::string signed_points(double difference) {
  const std::string text = fixed(difference, 2);
  return difference > 0.0 && text != "0.00" ? "+" + text : text;
}

std::string decibels(const std::optional<double>& value) {
  if (value && std::isinf(*value)) return *value > 0.0 ? "exact" : "noise alone";
  return fixed(value, 1);
}

std::string short_number(double value) {
  return std::isfinite(value) ? with_minus(fmt::format("{:.4g}", value)) : kDash;
}

std::string shape_text(const Shape& shape, bool without_batch) {
  return fmt::format("{}", fmt::join(shape.sizes().subspan(without_batch ? 1 : 0), "x"));
}

}  // namespace quench::train::report
