#pragma once

namespace quench::train::report {

/// The style sheet of a page: light and dark after the reader's system, and for paper. It defines
/// the colours that plots name (svg_theme.h): those of runs after Okabe and Ito, which people who
/// confuse red and green can tell apart, made lighter on dark; those of layers from dark to light.
extern const char* const kPageStyle;

}  // namespace quench::train::report
