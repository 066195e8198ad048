#pragma once

namespace quench::command {

/// From now on the first SIGINT or SIGTERM only makes stop_signal() say so; the second one ends the
/// program at once: what it saved last is whole anyway.
void catch_stop_signals();

/// The signal that asked the program to stop, or 0.
int stop_signal();

}  // namespace quench::command
