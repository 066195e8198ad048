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
  double seconds = 0.0;  ///< of that operation alone, without the ones it called
};

void enable_profiler(bool on);  ///< off at the start of a program
void reset_profiler();          ///< forgets all entries
/// What was spent since the last reset, largest time first.
std::vector<ProfileEntry> profile();

/// Adds the time from its construction to its destruction to the named entry. Costs a branch when
/// the profiler is off. Nested scopes are subtracted from the outer one. For the thread that runs
/// the network only.
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
