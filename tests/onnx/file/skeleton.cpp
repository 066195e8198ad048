// Files that are read like protobuf does, without protobuf reading the tensors.

#include <doctest/doctest.h>

#include <string>

#include "onnx/file/model_proto.h"

using namespace quench;
using namespace quench::testing;
using ::onnx::ModelProto;
using ::onnx::TensorProto;

namespace {

/// A field of a message: number and kind, length, content.
std::string field(unsigned number, const std::string& content) {
  constexpr std::size_t kOneByte = 128;
  REQUIRE((number < kOneByte >> 3 && content.size() < kOneByte));
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} +
         content;
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

constexpr unsigned kGraph = 7, kInitializer = 5, kFloatData = 4, kRawData = 9;
constexpr char kOneFloat = kFloatData << 3 | 5;  // what precedes one that is not in a run

/// x + w, where w is a tensor [2] of floats with these additional fields.
quench::onnx::OnnxModel with_fields(const std::string& fields) {
  ModelProto model = empty_model();
  add_node(model, "Add", {"x", "w"}, {"y"});
  TensorProto tensor;
  tensor.set_name("w");
  tensor.set_data_type(TensorProto::FLOAT);
  tensor.add_dims(2);
  const std::string bytes = model.SerializeAsString() +
                            field(kGraph, field(kInitializer, tensor.SerializeAsString() + fields));
  return quench::onnx::parse_onnx(std::as_bytes(std::span(bytes)), "m.onnx", "");
}

std::vector<float> numbers_of(const std::string& fields) {
  return values_of<float>(with_fields(fields).constants.at(0));
}

std::string refusal(const std::string& fields) {
  try {
    with_fields(fields);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("read_onnx: floats in every form that protobuf reads") {
  const std::vector<float> expected{1.5f, -2.0f};
  CHECK(numbers_of(field(kRawData, floats(expected))) == expected);
  CHECK(numbers_of(field(kFloatData, floats(expected))) == expected);
  CHECK(numbers_of(field(kFloatData, floats({1.5f})) + field(kFloatData, floats({-2.0f}))) ==
        expected);
  CHECK(numbers_of(kOneFloat + floats({1.5f}) + kOneFloat + floats({-2.0f})) == expected);
  CHECK(numbers_of(kOneFloat + floats({1.5f}) + field(kFloatData, floats({-2.0f}))) == expected);
  // The last of several counts, and raw data before others.
  CHECK(numbers_of(field(kRawData, floats({0.0f})) + field(kRawData, floats(expected))) ==
        expected);
  CHECK(numbers_of(field(kRawData, floats(expected)) + field(kFloatData, floats({7.0f}))) ==
        expected);
  // Unknown fields of every kind.
  const std::string unknown = std::string{'\xc0', '\x3e', '\x05'} + std::string{'\xc1', '\x3e'} +
                              std::string(8, 'a') + std::string{'\xc2', '\x3e', '\x01', 'b'};
  CHECK(numbers_of(unknown + field(kRawData, floats(expected)) + unknown) == expected);
}

TEST_CASE("read_onnx: malformed messages") {
  const std::string damaged = "m.onnx: not an ONNX file, or a damaged one";
  CHECK(refusal(std::string{'\x4a', '\x09', 'a'}) == damaged);  // longer than what is left
  CHECK(refusal(std::string{'\x4a'}) == damaged);               // no length
  CHECK(refusal(std::string{'\x4b', '\x4c'}) == damaged);       // a group, which is obsolete
  CHECK(refusal(std::string{'\x4e'}) == damaged);               // of no kind
  CHECK(refusal(std::string{'\x02', '\x01', 'a'}) == damaged);  // of no number
  CHECK(refusal("\x08" + std::string(10, '\xff') + '\x01') == damaged);  // of more than 64 bits
  CHECK(refusal(field(kFloatData, "abc")) ==
        "m.onnx: tensor 'w': expected 8 bytes for its dims, got 3");
}
