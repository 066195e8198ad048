#pragma once

#include <span>
#include <string>
#include <string_view>

namespace quench {

/// The entry of `known` that `name` was probably meant to be, or an empty string if none is close:
/// at most a third of the letters (and at least one) may have to be inserted, removed, replaced or
/// swapped with their neighbour.
std::string closest(std::string_view name, std::span<const std::string> known);

/// For the end of an error message: "; did you mean 'momentum'? (accepted: lr, momentum)".
std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace quench
