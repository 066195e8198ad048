#pragma once

#include <span>
#include <string>
#include <string_view>

namespace quench {

/// The entry of `known` closest to `name`, or an empty string if none is close enough: at most a
/// third of the letters (but at least one) may be inserted, removed, replaced or swapped with an
/// adjacent letter.
std::string closest(std::string_view name, std::span<const std::string> known);

/// The end of an error message: "; did you mean 'momentum'? (accepted: lr, momentum)".
std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace quench
