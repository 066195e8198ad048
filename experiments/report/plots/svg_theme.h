#pragma once

#include <string>
#include <string_view>

namespace quench::experiments::report {

/// gnuplot's drawing as an element of a page: without the XML prologue, definitions that a second
/// plot would repeat, and empty groups; lines in the text's colour, gnuplot_script()'s placeholders as
/// the page's colours, so that the plot follows light and dark; `description` as its name for those
/// who cannot see it.
/// @throws std::runtime_error  if it is no SVG
std::string theme_svg(std::string_view svg, const std::string& description);

}  // namespace quench::experiments::report
