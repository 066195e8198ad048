#pragma once

#include <string_view>

namespace quench::experiments::report {

/// The style sheet of a page: light or dark like the reader's system, and for print. It defines the
/// colours that plots refer to.
std::string_view page_style();

}  // namespace quench::experiments::report
