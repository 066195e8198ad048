#pragma once

#include <cstdio>
#include <filesystem>
#include <string_view>

namespace quench {

// The program's output while it works. Lines and the bar of support/progress.h do not overwrite each
// other, whether stdout and stderr are one terminal or go elsewhere. A log file can keep the lines.

/// Prints a line on stdout: a result, e.g. of an epoch.
void say(std::string_view line);
/// Prints a line on stderr: a warning or a step towards a result.
void remark(std::string_view line);

/// Appends every line to `file`, with its time, until the process ends:
/// "2026-11-22T02:22:10Z  run folder runs/tiny-1". Lines printed before the call come first. A file
/// that cannot be written is reported once, on stderr, and is no error.
void keep_log(const std::filesystem::path& file);
/// Writes a line to the log only.
void note_in_log(std::string_view line);

/// Whether `stream` is a terminal that can redraw a line (TERM other than "dumb").
bool can_redraw(std::FILE* stream);
/// The columns of a terminal; 80 for any other stream.
int terminal_width(std::FILE* stream);

}  // namespace quench
