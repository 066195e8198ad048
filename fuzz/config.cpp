#include <stdexcept>

#include "experiments/config/config_file.h"
#include "fuzz/target.h"

using namespace quench;

namespace {

/// Reads every key as every type: a wrong type must cause an error that names the key, and nothing
/// else.
void ask(const Settings& settings) {
  for (const std::string& key : settings.keys()) {
    const auto may_be = [](auto read) { fuzz::may_refuse<std::invalid_argument>(read); };
    may_be([&] { settings.number(key, {0.0, 1.0}); });
    may_be([&] { settings.integer(key, {1, 8}); });
    may_be([&] { settings.boolean(key); });
    may_be([&] { settings.text(key); });
    may_be([&] { settings.choice(key, {"ste", "lsq"}); });
    may_be([&] { settings.numbers(key, {}); });
    may_be([&] { settings.integers(key, {}); });
    may_be([&] { settings.texts(key, {}); });
    may_be([&] { ask(settings.table(key)); });
    may_be([&] {
      for (const Settings& table : settings.tables(key)) ask(table);
    });
  }
}

}  // namespace

/// A config file; its first line may also be an override of --set.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::text_of(data, size);
  const std::string first = text.substr(0, text.find('\n'));
  fuzz::may_refuse<std::invalid_argument>([&] { experiments::settings_of({first}); });
  return fuzz::may_refuse<std::invalid_argument>([&] {
    const Settings settings = experiments::parse_settings(text, "input");
    ask(settings);
    fuzz::may_refuse<std::invalid_argument>([&] { settings.finish(); });
    // A config written to a run folder reads back the same.
    const std::string resolved = settings.resolved();
    fuzz::promise(experiments::parse_settings(resolved, "again").resolved() == resolved);
  });
}
