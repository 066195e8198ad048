#include "examples/quench/stop_signal.h"

#include <csignal>
#include <cstdlib>

namespace quench::command {
namespace {

volatile std::sig_atomic_t caught = 0;

void request_stop(int signal) {
  if (caught != 0) std::_Exit(128 + signal);
  caught = signal;
}

}  // namespace

void catch_stop_signals() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
}

int stop_signal() { return caught; }

}  // namespace quench::command
