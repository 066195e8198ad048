#pragma once

#include <optional>
#include <string>

#include "core/shape.h"

namespace quench::train::report {

// Numbers as the page shows them, with a true minus; what is not there, or no finite number, is a dash.

inline constexpr const char* kDash = "–";

std::string fixed(const std::optional<double>& value, int decimals);
std::string percent(const std::optional<double>& value, int decimals = 2);  ///< "91.20 %"
std::string signed_points(double difference);              ///< "+3.10", "−3.10", "0.00"
std::string decibels(const std::optional<double>& value);  ///< "12.3"; "exact" without noise
std::string short_number(double value);                    ///< 4 significant digits
/// "16x32x32" without the first size, that of a batch; or with it.
std::string shape_text(const Shape& shape, bool without_batch);

}  // namespace quench::train::report
