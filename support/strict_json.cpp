#include "support/strict_json.h"

#include <set>
#include <vector>

#include "support/error.h"

namespace quench {
namespace {

using nlohmann::json;

class Watch {
 public:
  Watch(std::size_t max_depth, const std::string& what) : max_depth_(max_depth), what_(what) {}
  bool operator()(int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      keys_.emplace_back();
      if (keys_.size() > max_depth_) fail("{} is nested too deeply", what_);
    } else if (event == json::parse_event_t::object_end ||
               event == json::parse_event_t::array_end) {
      keys_.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) fail("{} contains the key '{}' twice", what_, key);
    }
    return true;
  }

 private:
  std::size_t max_depth_;
  const std::string& what_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

json parse_strict_json(std::span<const std::byte> text, std::size_t max_depth,
                       const std::string& what) {
  const auto* begin = reinterpret_cast<const char*>(text.data());
  try {
    return json::parse(begin, begin + text.size(), Watch(max_depth, what));
  } catch (const json::exception& error) {
    fail("{} is not valid JSON: {}", what, error.what());
  }
}

}  // namespace quench
