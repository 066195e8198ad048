#pragma once

#include <cstdio>
#include <filesystem>
#include <string_view>

namespace quench {

// What the program says while it works. A line and the bar of core/progress.h do not get into each
// other's way, whether stdout and stderr are one terminal or go elsewhere; and what is said can be
// kept in a file.

/// Prints a line on stdout: something the user runs the command for, e.g. the results of an epoch.
void say(std::string_view line);
/// Prints a line on stderr: a warning, or what happens on the way to a result.
void remark(std::string_view line);

/// Appends what is said to `file`, every line with its time, until the process ends and with what was
/// said before: "2026-11-22T02:22:10Z  run folder runs/tiny-1". That the file cannot be written is
/// said once, on stderr, and ends nothing.
void keep_log(const std::filesystem::path& file);
/// A line for the log alone.
void note_in_log(std::string_view line);

/// Whether `stream` is a terminal that can redraw a line (TERM other than "dumb").
bool can_redraw(std::FILE* stream);
/// Columns of a terminal; 80 of anything else.
int terminal_width(std::FILE* stream);

}  // namespace quench
