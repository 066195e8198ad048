#include "support/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "support/descriptor.h"
#include "support/error.h"
#include "support/mpi_launcher.h"

namespace quench {
namespace {

constexpr int kCannotStart = 127;  // as in a shell

/// Runs in the child. Only async-signal-safe calls are allowed, because the parent has threads.
[[noreturn]] void become(const char* program, char* const* words, char* const* environment,
                         pid_t parent, int input, int output, int errors) {
  // Its own process group: Ctrl-C then reaches only the parent, which asks the child to stop.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotStart);  // the parent ended before prctl()
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execve(program, words, environment);
  ::_exit(kCannotStart);
}

/// The environment without the variables that an MPI launcher set.
std::vector<char*> environment_of_child() {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!mpi::is_of_launcher(*variable)) variables.push_back(*variable);
  variables.push_back(nullptr);
  return variables;
}

int shell_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

ChildProcess::ChildProcess(const Options& options) {
  std::vector<std::string> words = options.words;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const Descriptor input("/dev/null", O_RDONLY);
  if (!input.ok()) fail_with_errno("cannot open", "/dev/null");
  const Descriptor output(options.output, O_WRONLY | O_CREAT | O_APPEND);
  if (!output.ok()) fail_with_errno("cannot open", options.output);
  const Descriptor errors(options.errors, O_WRONLY | O_CREAT | O_APPEND);
  if (!errors.ok()) fail_with_errno("cannot open", options.errors);
  const std::vector<char*> environment = environment_of_child();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("cannot start a process: {}", std::strerror(errno));
  if (pid_ == 0) {
    become(options.program.c_str(), pointers.data(), environment.data(), parent, input.get(),
           output.get(), errors.get());
  }
}

ChildProcess::~ChildProcess() {
  if (poll()) return;
  ask_to_stop();
  reap(0);
}

std::optional<int> ChildProcess::poll() { return reap(WNOHANG); }

int ChildProcess::wait() { return reap(0).value_or(kCannotStart); }

void ChildProcess::ask_to_stop() {
  if (!status_) ::kill(pid_, SIGTERM);
}

std::optional<int> ChildProcess::reap(int options) {
  if (status_) return status_;
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(pid_, &status, options);
  } while (ended < 0 && errno == EINTR);
  if (ended == pid_) status_ = shell_status(status);
  if (ended < 0) status_ = kCannotStart;  // already reaped elsewhere
  return status_;
}

}  // namespace quench
