#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace quench {

class Settings;
struct SettingsTable;

/// The name of a setting and one line on what it means: settings.number({"lr", "learning rate"}, 0.1).
/// `quench list config` shows the line. One read of a key gives it; a name alone reads the value again.
struct SettingKey {
  template <std::convertible_to<std::string_view> Text>
  SettingKey(const Text& key_name, std::string_view key_meaning = {})
      : name(key_name), meaning(key_meaning) {}

  std::string_view name;
  std::string_view meaning;  ///< empty: another read of the key says it
};

/// What the reader of a key said of it.
struct SettingInfo {
  std::string key;        ///< dotted; elements of an array of tables are "key[]"
  std::string accepts;    ///< as in messages: "a number > 0"
  std::string fallback;   ///< the default as TOML; empty if the key has no default
  std::string meaning;    ///< empty if no read described the key
  bool required = false;  ///< read without a default, and whether it was given was never asked

  bool operator==(const SettingInfo&) const = default;
};

/// The numbers that a setting accepts: {0.0, 1.0}, above(0.0), at_least(1.0) or below(0.0, 1.0).
/// Infinities and NaN are never accepted.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  bool max_excluded = false;
};
inline Range above(double min, double max = std::numeric_limits<double>::infinity()) {
  return {min, max, true};
}
inline Range at_least(double min) { return {.min = min}; }
/// From `min` to `max`, which is excluded.
inline Range below(double min, double max) {
  return {.min = min, .max = max, .max_excluded = true};
}

/// The integers that a setting accepts, both ends included.
struct IntRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// One value of a settings tree, and where it was written.
struct SettingsValue {
  using List = std::vector<SettingsValue>;
  using Table = std::shared_ptr<SettingsTable>;

  SettingsValue(bool value) : data(value) {}
  SettingsValue(int value) : data(std::int64_t{value}) {}
  SettingsValue(std::int64_t value) : data(value) {}
  SettingsValue(double value) : data(value) {}
  SettingsValue(const char* value) : data(std::string(value)) {}
  SettingsValue(std::string_view value) : data(std::string(value)) {}
  SettingsValue(std::string value) : data(std::move(value)) {}
  SettingsValue(List value) : data(std::move(value)) {}
  SettingsValue(const Settings& table);
  template <typename T>
  SettingsValue(const std::vector<T>& values) : data(List(values.begin(), values.end())) {}

  std::variant<bool, std::int64_t, double, std::string, List, Table> data;
  std::string origin = {};  ///< "file.toml:12" or "--set a.b=c"; empty for a value made in memory
};

/// A handle on one table of a settings tree. It checks types and remembers which keys were read.
///
/// Every getter checks type and range; its error names the origin, the dotted key, the value and
/// what is accepted: `a.toml:12: quant.weight.bits: expected an integer in 1..8, got 9`. A getter
/// without `fallback` requires the key. finish() then rejects keys that were never read, and
/// resolved() returns the tree with the defaults that were used. Copies share one tree: a key read
/// through one copy counts as read for all. All errors are std::invalid_argument unless noted
/// otherwise. Not thread-safe.
class Settings {
 public:
  using Entry = std::pair<std::string, SettingsValue>;

  Settings();  ///< an empty table
  /// A table made in memory:
  /// Settings::from({{"bits", 4}, {"weight", Settings::from({{"method", "ste"}})}}).
  static Settings from(std::initializer_list<Entry> entries);

  double number(const SettingKey& key, Range range = {}) const;
  double number(const SettingKey& key, double fallback, Range range = {}) const;
  std::int64_t integer(const SettingKey& key, IntRange range = {}) const;
  std::int64_t integer(const SettingKey& key, std::int64_t fallback, IntRange range = {}) const;
  bool boolean(const SettingKey& key) const;
  bool boolean(const SettingKey& key, bool fallback) const;
  std::string text(const SettingKey& key) const;
  std::string text(const SettingKey& key, std::string_view fallback) const;
  /// One of `allowed`; any other string is an error that lists them.
  std::string choice(const SettingKey& key, const std::vector<std::string>& allowed) const;
  std::string choice(const SettingKey& key, std::string_view fallback,
                     const std::vector<std::string>& allowed) const;
  /// Lists. Every element must lie in `range`.
  std::vector<double> numbers(const SettingKey& key, const std::vector<double>& fallback,
                              Range range = {}) const;
  std::vector<std::int64_t> integers(const SettingKey& key,
                                     const std::vector<std::int64_t>& fallback,
                                     IntRange range = {}) const;
  std::vector<std::string> texts(const SettingKey& key,
                                 const std::vector<std::string>& fallback) const;

  /// The table at `key`; an empty one if the key is absent.
  Settings table(std::string_view key) const;
  /// The array of tables at `key` ([[key]] in TOML); empty if the key is absent.
  std::vector<Settings> tables(std::string_view key) const;

  /// Whether the file or caller set `key`. The key then counts as read.
  bool has(std::string_view key) const;
  /// Accepts `key` and everything below it unread, e.g. the table of a method that is not in use.
  void allow(std::string_view key) const;
  std::vector<std::string> keys() const;  ///< the keys that were set, sorted
  /// The keys read so far, here and in the tables below, sorted by name: tables after single values.
  std::vector<SettingInfo> keys_read() const;

  /// Throws for the first key, in this table or below, that was never read; the message suggests
  /// the nearest accepted key.
  void finish() const;
  /// The same for this table's own keys only, not for the tables below it.
  void finish_own_keys() const;

  /// For checks that involve more than one key. Always throws; the message is
  /// "origin: path.key: expected ..., got <value>".
  [[noreturn]] void reject(std::string_view key, std::string_view expected) const;

  /// The whole tree, with the defaults that were used, as TOML that parses back to the same values.
  std::string resolved() const;
  const std::string& path() const { return path_; }  ///< dotted; empty for the root
  std::string full_key(std::string_view key) const;  ///< path() and `key`
  /// Where `key` was written, or this table if the key is absent; "<settings>" for a table made in
  /// memory.
  std::string origin(std::string_view key = {}) const;

  /// For building a tree: sets the value at `key`.
  void set(std::string_view key, SettingsValue value);
  void erase(std::string_view key);
  void set_origin(std::string origin);
  /// The value at `key`, or null; the key does not count as read.
  const SettingsValue* find(std::string_view key) const;
  /// The table to write into at `key`, created if absent.
  /// @throws std::invalid_argument  if the key holds something else
  Settings make_table(std::string_view key, std::string_view origin_if_new);
  /// Overlays `over`: tables merge key by key, any other value is replaced.
  void merge(const Settings& over);

 private:
  friend struct SettingsValue;
  Settings(std::shared_ptr<SettingsTable> table, std::string path);
  const SettingsValue* ask(std::string_view key) const;
  const SettingsValue* ask(const SettingKey& key, std::string_view accepts) const;
  const SettingsValue& demand(const SettingKey& key, std::string_view accepts) const;
  [[noreturn]] void wrong(std::string_view key, const SettingsValue& value,
                          std::string_view expected) const;
  template <typename T, typename Read>
  T get(const SettingKey& key, const T& fallback, std::string_view accepts, Read read) const;
  template <typename T, typename Read>
  std::vector<T> list(const SettingKey& key, const std::vector<T>& fallback,
                      const std::string& what, Read read) const;

  std::shared_ptr<SettingsTable> table_;
  std::string path_;
};

}  // namespace quench
