#include "examples/quench/stop_signal.h"

#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace quench::command {
namespace {

volatile std::sig_atomic_t caught = 0;
volatile std::sig_atomic_t asked_to_end = 0;

void request_stop(int signal) {
  // The others come again by themselves: SIGXCPU every second, SIGHUP beside systemd's SIGTERM.
  if (signal == SIGINT || signal == SIGTERM) {
    if (asked_to_end != 0) std::_Exit(128 + signal);
    asked_to_end = 1;
  }
  if (caught == 0) caught = signal;
}

}  // namespace

void catch_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGPIPE})
    std::signal(signal, request_stop);
  if (std::signal(SIGHUP, request_stop) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
}

int stop_signal() { return caught; }

}  // namespace quench::command
