#include "support/text_list.h"

#include <fmt/format.h>

namespace quench {

std::string listed(std::span<const std::string> names, std::string_view separator) {
  constexpr std::size_t kRoom = 1000;  // characters: a screen has about 2000
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    // The first name is always listed in full.
    if (i > 0 && text.size() + separator.size() + names[i].size() > kRoom) {
      const bool lines = separator.starts_with('\n');
      return text + fmt::format("{}and {} more", lines ? separator : " ", names.size() - i);
    }
    if (i > 0) text += separator;
    text += names[i];
  }
  return text;
}

}  // namespace quench
