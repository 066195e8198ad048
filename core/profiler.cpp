#include "core/profiler.h"

#include <algorithm>
#include <map>
#include <utility>

namespace quench {
namespace {

bool enabled = false;
std::map<std::pair<std::string, ProfileScope::Pass>, ProfileEntry>& entries() {
  static std::map<std::pair<std::string, ProfileScope::Pass>, ProfileEntry> table;
  return table;
}
ProfileScope* innermost = nullptr;

}  // namespace

void enable_profiler(bool on) { enabled = on; }
void reset_profiler() { entries().clear(); }

std::vector<ProfileEntry> profile() {
  std::vector<ProfileEntry> result;
  for (const auto& [key, entry] : entries()) result.push_back(entry);
  std::ranges::sort(result, std::greater{}, &ProfileEntry::seconds);
  return result;
}

ProfileScope::ProfileScope(std::string_view name, Pass pass)
    : active_(enabled), name_(name), pass_(pass) {
  if (!active_) return;
  outer_ = std::exchange(innermost, this);
  start_ = std::chrono::steady_clock::now();
}

ProfileScope::~ProfileScope() {
  if (!active_) return;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  innermost = outer_;
  if (outer_ != nullptr) outer_->nested_seconds_ += seconds;
  ProfileEntry& entry = entries()[{std::string(name_), pass_}];
  entry.name = std::string(name_) + (pass_ == Pass::backward ? " backward" : "");
  ++entry.calls;
  entry.seconds += seconds - nested_seconds_;
}

}  // namespace quench
