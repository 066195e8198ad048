#pragma once

// Private to the model_*.cpp files.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "deploy/network/model_fields.h"
#include "deploy/network/packed_weights.h"

namespace quench::deploy {

/// The archive (model_fields.h) that makes an object of the header, and adds to the data.
class ModelWriter {
 public:
  template <typename T>
  using Ref = const T&;

  explicit ModelWriter(std::vector<std::byte>& data) : data_(&data) {}
  /// What was written.
  nlohmann::json take() { return std::move(object_); }

  template <typename T>
  void value(const char* name, const T& value) {
    object_[name] = value;
  }
  void value(const char* name, Activation activation) { object_[name] = to_string(activation); }
  template <typename T>
  void object(const char* name, const T& object) {
    object_[name] = written(object);
  }
  template <typename T>
  void optional(const char* name, const std::optional<T>& object) {
    object_[name] = object ? written(*object) : nlohmann::json();
  }
  template <typename T>
  void list(const char* name, const std::vector<T>& items) {
    nlohmann::json& list = object_[name] = nlohmann::json::array();
    for (const T& item : items) list.push_back(written(item));
  }
  static bool has(const char* /*name*/, bool wanted) { return wanted; }
  void kind(const char* name, const Operation::Kind& kind) {
    object_[name] = to_string(kind);
    std::visit([this](const auto& settings) { object("settings", settings); }, kind);
  }
  void floats(const char* name, const std::vector<float>& numbers) {
    object_[name] = numbers.size();
    append(std::as_bytes(std::span(numbers)));
  }
  void weight(const char* name, const Convolution& convolution) {
    object_[name] = convolution.weight.size();
    append(pack_weights(convolution));
  }

 private:
  template <typename T>
  nlohmann::json written(const T& object) {
    ModelWriter writer(*data_);
    fields<ModelWriter>(writer, object);
    return writer.take();
  }
  void append(std::span<const std::byte> bytes) {
    data_->insert(data_->end(), bytes.begin(), bytes.end());
  }

  nlohmann::json object_ = nlohmann::json::object();
  std::vector<std::byte>* data_;
};

}  // namespace quench::deploy
