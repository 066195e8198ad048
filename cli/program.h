#pragma once

namespace quench::cli {

/// The whole program `quench`, for main(): parses the words, runs the subcommand, reports errors on
/// stderr. Models and quantizers that the caller registers first are available in every subcommand.
/// @return the exit status: 0, 1 for files and machines, 2 for bad input, 128 + n for a signal
int run_program(int argc, char** argv);

}  // namespace quench::cli
