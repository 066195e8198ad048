#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quench {

/// Time spent in one kind of operation since the profiler was switched on.
struct ProfileEntry {
  std::string name;  ///< e.g. "conv2d" or "conv2d backward"
  std::uint64_t calls = 0;
  double seconds = 0.0;  ///< of the operation itself, without nested ones
};

void enable_profiler(bool on);  ///< off at the start of a program
void reset_profiler();          ///< forgets all entries
/// The entries since the last reset, longest time first.
std::vector<ProfileEntry> profile();

/// Adds its lifetime to the named entry, minus the time of nested scopes. Costs one branch when the
/// profiler is off. Use it only on the thread that runs the network.
class ProfileScope {
 public:
  enum class Pass : std::uint8_t { forward, backward };
  explicit ProfileScope(std::string_view name, Pass pass = Pass::forward);
  ~ProfileScope();
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  bool active_;
  std::string_view name_;
  Pass pass_;
  std::chrono::steady_clock::time_point start_;
  ProfileScope* outer_ = nullptr;
  double nested_seconds_ = 0.0;
};

}  // namespace quench
