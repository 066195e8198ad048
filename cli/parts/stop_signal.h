#pragma once

namespace quench::cli {

/// From now on, a signal that requests an end only sets stop_signal(), and the program saves first:
/// SIGINT and SIGTERM, SIGHUP (a lost connection, unless nohup ignores it), SIGUSR1, SIGUSR2 and
/// SIGXCPU (a cluster's time limit), SIGPIPE (the reader of the output has gone). A second SIGINT
/// or SIGTERM ends the program at once; its last saved state stays valid.
void catch_stop_signals();

/// The signal that requested a stop, or 0.
int stop_signal();

}  // namespace quench::cli
