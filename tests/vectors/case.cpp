#include "vectors/case.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace quench::vectors {
namespace {

double number(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_string()) return value.get<double>();
  const auto& text = value.get_ref<const std::string&>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  throw std::runtime_error(fmt::format("expected a number, nan, inf or -inf, got \"{}\"", text));
}

}  // namespace

std::vector<double> numbers(const Json& value) {
  const Json& list = value.is_object() ? value.at("data") : value;
  if (!list.is_array()) return {number(list)};
  std::vector<double> result;
  for (const Json& element : list) result.push_back(number(element));
  return result;
}

Tensor tensor(const Json& value) {
  std::vector<float> floats;
  for (const double element : numbers(value)) floats.push_back(static_cast<float>(element));
  const auto sizes = value.at("shape").get<std::vector<std::int64_t>>();
  return Tensor::from_row_major(Shape(sizes), floats);
}

std::vector<double> numbers(const Tensor& tensor) {
  const std::vector<float> floats = tensor.to_row_major();
  return {floats.begin(), floats.end()};
}

void Comparison::f32(std::string_view what, const std::vector<double>& got, const Json& want) {
  compare(what, got, numbers(want), tolerances_.f32);
}
void Comparison::f32(std::string_view what, const Tensor& got, const Json& want) {
  f32(what, numbers(got), want);
}
void Comparison::f32_reduced(std::string_view what, double got, const Json& want) {
  compare(what, {got}, numbers(want), tolerances_.f32_reduced);
}
void Comparison::f64(std::string_view what, const std::vector<double>& got, const Json& want) {
  compare(what, got, numbers(want), tolerances_.f64);
}
void Comparison::exact(std::string_view what, const std::vector<double>& got, const Json& want) {
  compare(what, got, numbers(want), {});
}
void Comparison::exact(std::string_view what, const Tensor& got, const Json& want) {
  exact(what, numbers(got), want);
}

void Comparison::within(Tolerance tolerance, std::string_view what, const std::vector<double>& got,
                        const Json& want) {
  compare(what, got, numbers(want), tolerance);
}

void Comparison::compare(std::string_view what, const std::vector<double>& got,
                         const std::vector<double>& want, Tolerance tolerance) {
  if (got.size() != want.size()) {
    if (failure_.empty()) {
      failure_ = fmt::format("{}: expected {} numbers, got {}", what, want.size(), got.size());
    }
    return;
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(want[i]) && std::isnan(got[i])) continue;
    const double deviation = got[i] == want[i] ? 0.0 : std::abs(got[i] - want[i]);
    if (deviation > largest_) largest_ = deviation;
    // Negated, so that NaN fails.
    const bool close =
        deviation == 0.0 || deviation <= tolerance.atol + tolerance.rtol * std::abs(want[i]);
    if (!close && failure_.empty()) {
      failure_ = fmt::format("{}[{}]: expected {}, got {}", what, i, want[i], got[i]);
    }
  }
}

}  // namespace quench::vectors
