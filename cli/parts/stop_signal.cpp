#include "cli/parts/stop_signal.h"

#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace quench::cli {
namespace {

volatile std::sig_atomic_t caught = 0;
volatile std::sig_atomic_t asked_to_end = 0;

void request_stop(int signal) {
  // The other signals repeat on their own: SIGXCPU every second, SIGHUP after systemd's SIGTERM.
  if (signal == SIGINT || signal == SIGTERM) {
    if (asked_to_end != 0) std::_Exit(128 + signal);
    asked_to_end = 1;
  }
  if (caught == 0) caught = signal;
}

bool ignores_hangups = false;

/// Whether the program was started under nohup. Checked before any library's constructor runs,
/// because UCX, which newer MPI libraries load, installs its own SIGHUP handler there. It therefore
/// also runs before check_cpu() and is compiled for any x86-64 CPU.
[[gnu::target("arch=x86-64")]] void look_for_nohup(int, char**, char**) {
  struct sigaction at_start;
  ignores_hangups = ::sigaction(SIGHUP, nullptr, &at_start) == 0 && at_start.sa_handler == SIG_IGN;
}

[[gnu::section(".preinit_array"), gnu::used]] void (*before_constructors)(int, char**,
                                                                          char**) = look_for_nohup;

}  // namespace

void catch_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU, SIGPIPE})
    std::signal(signal, request_stop);
  std::signal(SIGHUP, ignores_hangups ? SIG_IGN : request_stop);
}

int stop_signal() { return caught; }

}  // namespace quench::cli
