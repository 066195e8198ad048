#include "deploy/network/model_reader.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "deploy/network/packed_weights.h"

namespace quench::deploy {
namespace {

using nlohmann::json;

/// A default-constructed kind with this name; null if unknown.
template <std::size_t Index = 0>
std::optional<Operation::Kind> kind_named(std::string_view name) {
  if (name == "pad_channels") return ZeroPad{};  // its name in older files
  if constexpr (Index < std::variant_size_v<Operation::Kind>) {
    const Operation::Kind kind(std::in_place_index<Index>);
    return to_string(kind) == name ? std::optional(kind) : kind_named<Index + 1>(name);
  }
  return std::nullopt;
}

/// A short form for messages.
std::string excerpt(const json& found) {
  constexpr std::size_t kLength = 60;
  if (found.is_structured()) return found.is_array() ? "a list" : "an object";
  const std::string text = found.dump();
  return text.size() <= kLength ? text : text.substr(0, kLength) + "...";
}

}  // namespace

ModelReader::ModelReader(const json& object, ModelData& data, std::string where,
                         const char* separator)
    : object_(&object), data_(&data), where_(std::move(where)), separator_(separator) {
  if (!object.is_object()) refuse(object, "an object", where_);
}

const json& ModelReader::member(const char* name) {
  const auto found = object_->find(name);
  if (found == object_->end()) fail("{}: '{}' is missing", where_, name);
  ++read_;
  return *found;
}

void ModelReader::check_all_read() const {
  if (read_ == object_->size()) return;
  fail("{}: expected {} fields, got {}", where_, read_, object_->size());
}

void ModelReader::refuse(const json& found, const char* expected, const std::string& where) {
  fail("{}: expected {}, got {}", where, expected, excerpt(found));
}

void ModelReader::check_list(const json& found, const std::string& where) {
  if (!found.is_array()) refuse(found, "a list", where);
}

void ModelReader::convert(const json& found, bool& flag, const std::string& where) {
  if (!found.is_boolean()) refuse(found, "true or false", where);
  flag = found.get<bool>();
}

void ModelReader::convert(const json& found, float& number, const std::string& where) {
  const double wide = found.is_number() ? found.get<double>() : NAN;
  const bool fits = std::abs(wide) <= std::numeric_limits<float>::max();
  if (!fits || static_cast<double>(static_cast<float>(wide)) != wide)
    refuse(found, "a 32-bit float", where);
  number = static_cast<float>(wide);
}

void ModelReader::convert(const json& found, std::string& text, const std::string& where) {
  if (!found.is_string()) refuse(found, "a string", where);
  text = found.get<std::string>();
}

void ModelReader::convert(const json& found, Activation& activation, const std::string& where) {
  std::string name;
  convert(found, name, where);
  try {
    activation = parse_activation(name);
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", where, error.what());
  }
}

void ModelReader::convert(const json& found, std::array<int, 2>& pair, const std::string& where) {
  if (!found.is_array() || found.size() != pair.size()) refuse(found, "a list of two", where);
  for (std::size_t i = 0; i < pair.size(); ++i) convert(found[i], pair[i], where);
}

void ModelReader::convert(const json& found, std::map<std::string, std::string>& strings,
                          const std::string& where) {
  if (!found.is_object()) refuse(found, "an object", where);
  for (const auto& [key, text] : found.items())
    convert(text, strings[key], fmt::format("{}.{}", where, key));
}

void ModelReader::kind(const char* name, Operation::Kind& kind) {
  const json& found = member(name);
  std::string text;
  convert(found, text, inside(name));
  const std::optional<Operation::Kind> known = kind_named(text);
  if (!known) refuse(found, "a kind of operation", inside(name));
  kind = *known;
  std::visit([this](auto& settings) { object("settings", settings); }, kind);
}

void ModelReader::floats(const char* name, std::vector<float>& numbers) {
  std::size_t count = 0;
  value(name, count);
  if (count > data_->left() / sizeof(float)) {
    fail("{}: expected at most the {} values that remain in the file, got {}", inside(name),
         data_->left() / sizeof(float), count);
  }
  numbers.resize(count);
  if (count == 0) return;
  const auto bytes = data_->take(count * sizeof(float));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
}

void ModelReader::weight(const char* name, Convolution& convolution) {
  std::size_t count = 0;
  value(name, count);
  const quant::QuantGrid& grid = convolution.weight_grid;
  if (grid.bits < 1 || grid.bits > 8)
    fail("{}: expected weights of 1 to 8 bits, got {}", where_, grid.bits);
  // This order cannot overflow, because every weight has at least 1 bit.
  if (count / 8 > data_->left() || packed_bytes(count, grid.bits) > data_->left()) {
    fail("{}: expected at most the {} bytes that remain in the file, got {} weights of {} bits",
         inside(name), data_->left(), count, grid.bits);
  }
  try {
    const auto bytes = data_->take(packed_bytes(count, grid.bits));
    convolution.weight = unpack_weights(bytes, count, grid);
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", inside(name), error.what());
  }
}

}  // namespace quench::deploy
