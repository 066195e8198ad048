#pragma once

// Private to the model_*.cpp files.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "deploy/network/model_fields.h"
#include "support/error.h"

namespace quench::deploy {

/// The data of a model file, consumed from the front.
class ModelData {
 public:
  explicit ModelData(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t left() const { return bytes_.size(); }
  /// @pre count <= left()
  std::span<const std::byte> take(std::size_t count) {
    const auto front = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return front;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// The archive (model_fields.h) that reads fields from an object of the header and from the data.
/// For any input it finishes or throws std::runtime_error, and allocates at most a small multiple
/// of the file's size.
class ModelReader {
 public:
  template <typename T>
  using Ref = T&;

  /// @param where      the file, or file and field, for messages
  /// @param separator  between `where` and a field
  ModelReader(const nlohmann::json& object, ModelData& data, std::string where,
              const char* separator = ".");
  /// Reads all fields of an object; others are an error.
  template <typename T>
  void read(T& object) {
    fields<ModelReader>(*this, object);
    check_all_read();
  }

  template <typename T>
  void value(const char* name, T& value) {
    convert(member(name), value, inside(name));
  }
  template <typename T>
  void object(const char* name, T& object) {
    ModelReader(member(name), *data_, inside(name)).read(object);
  }
  template <typename T>
  void optional(const char* name, std::optional<T>& object) {
    const nlohmann::json& found = member(name);
    if (found.is_null()) return;
    ModelReader(found, *data_, inside(name)).read(object.emplace());
  }
  /// Grows item by item: an item takes more memory than a malformed one takes in the file.
  template <typename T>
  void list(const char* name, std::vector<T>& items) {
    const nlohmann::json& found = member(name);
    check_list(found, inside(name));
    for (const nlohmann::json& item : found) {
      const std::string where = fmt::format("{}[{}]", inside(name), items.size());
      ModelReader(item, *data_, where).read(items.emplace_back());
    }
  }
  bool has(const char* name, bool /*wanted*/) const { return object_->contains(name); }
  void kind(const char* name, Operation::Kind& kind);
  void floats(const char* name, std::vector<float>& numbers);
  void weight(const char* name, Convolution& convolution);

 private:
  using Json = nlohmann::json;

  const Json& member(const char* name);
  std::string inside(const char* name) const {
    return fmt::format("{}{}{}", where_, separator_, name);
  }
  void check_all_read() const;

  [[noreturn]] static void refuse(const Json& found, const char* expected,
                                  const std::string& where);
  static void check_list(const Json& found, const std::string& where);
  template <std::integral T>
  static void convert(const Json& found, T& integer, const std::string& where) {
    const bool fits = found.is_number_unsigned() ? std::in_range<T>(found.get<std::uint64_t>())
                                                 : found.is_number_integer() &&
                                                       std::in_range<T>(found.get<std::int64_t>());
    if (!fits) refuse(found, sizeof(T) == 4 ? "a 32-bit integer" : "an integer", where);
    integer = found.get<T>();
  }
  static void convert(const Json& found, bool& flag, const std::string& where);
  static void convert(const Json& found, float& number, const std::string& where);
  static void convert(const Json& found, std::string& text, const std::string& where);
  static void convert(const Json& found, Activation& activation, const std::string& where);
  static void convert(const Json& found, std::array<int, 2>& pair, const std::string& where);
  static void convert(const Json& found, std::map<std::string, std::string>& strings,
                      const std::string& where);
  template <typename T>
  static void convert(const Json& found, std::vector<T>& items, const std::string& where) {
    check_list(found, where);
    items.clear();
    for (const Json& item : found) convert(item, items.emplace_back(), where);
  }

  const Json* object_;
  ModelData* data_;
  std::string where_;
  const char* separator_;
  std::size_t read_ = 0;
};

}  // namespace quench::deploy
