#pragma once

#include <cstdio>
#include <filesystem>
#include <string_view>

namespace quench {

// Console output. Lines and the progress bar (support/progress.h) do not overwrite each other,
// whether or not stdout and stderr share a terminal. A log file can keep the lines.

/// Prints a line to stdout: a result, e.g. of an epoch.
void say(std::string_view line);
/// Prints a line to stderr: a warning or a progress message.
void remark(std::string_view line);

/// Appends every line to `file`, with its time, until the process ends:
/// "2026-11-22T02:22:10Z  run folder runs/tiny-1". Lines printed before the call come
/// first. If the file cannot be written, one warning goes to stderr; that is not an error.
void keep_log(const std::filesystem::path& file);
/// Writes a line to the log only.
void note_in_log(std::string_view line);

/// Whether `stream` is a terminal that can redraw a line (TERM other than "dumb").
bool can_redraw(std::FILE* stream);
/// The width of the terminal in columns; 80 if `stream` is not a terminal.
int terminal_width(std::FILE* stream);

}  // namespace quench
