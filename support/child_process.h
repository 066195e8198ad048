#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quench {

/// A program that runs in parallel with this one. Its stdin is empty, and it does not join the
/// parent's MPI job. It receives SIGTERM when its parent exits for any reason.
class ChildProcess {
 public:
  struct Options {
    std::filesystem::path program = "/proc/self/exe";  ///< this program
    std::vector<std::string> words;                    ///< the command line, argv[0] included
    std::filesystem::path output;                      ///< stdout is appended to this file
    std::filesystem::path errors;                      ///< stderr is appended to this file
  };

  /// Starts it. @throws std::runtime_error  if a file cannot be opened or fork() fails
  explicit ChildProcess(const Options& options);
  /// Sends SIGTERM to a child that is still running, and waits for it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The exit status as a shell reports it (128 + n for signal n); nullopt while it is running.
  std::optional<int> poll();
  /// Waits for the child to exit and returns its status.
  int wait();
  void ask_to_stop();

 private:
  std::optional<int> reap(int options);

  pid_t pid_ = -1;
  std::optional<int> status_;
};

}  // namespace quench
