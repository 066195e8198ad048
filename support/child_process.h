#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quench {

/// Where the system finds `name` by PATH; nothing if no folder there holds such a program.
std::optional<std::filesystem::path> find_program(const std::string& name);

/// A program that runs in parallel to this one. It reads nothing and does not join the MPI job of its
/// parent. It receives SIGTERM when its parent ends for whatever reason.
class ChildProcess {
 public:
  struct Options {
    std::filesystem::path program = "/proc/self/exe";  ///< this one, once more
    std::vector<std::string> words;                    ///< the command line, argv[0] included
    std::filesystem::path output;                      ///< stdout goes to its end
    std::filesystem::path errors;                      ///< stderr likewise
  };

  /// Starts it. @throws std::runtime_error  if a file cannot be opened or the system has no room
  explicit ChildProcess(const Options& options);
  /// Asks a child that still runs to stop, and waits for it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// What a shell would report once it has ended (128 + n for a signal n), else nothing.
  std::optional<int> poll();
  /// The same, after waiting for its end.
  int wait();
  void ask_to_stop();

 private:
  std::optional<int> reap(int options);

  pid_t pid_ = -1;
  std::optional<int> status_;
};

}  // namespace quench
