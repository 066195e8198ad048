#pragma once

namespace quench::command {

/// From now on a signal that asks the program to end only makes stop_signal() say so, and the program
/// saves first: SIGINT and SIGTERM, SIGHUP (a lost connection, unless nohup has it ignored), SIGUSR1,
/// SIGUSR2 and SIGXCPU (a cluster's notice that the time is over), SIGPIPE (nobody reads the output any
/// more). A second SIGINT or SIGTERM ends it at once: what it saved last is whole anyway.
void catch_stop_signals();

/// The signal that asked the program to stop, or 0.
int stop_signal();

}  // namespace quench::command
