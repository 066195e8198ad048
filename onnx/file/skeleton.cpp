#include "onnx/file/skeleton.h"

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "support/error.h"

namespace quench::onnx {
namespace {

using Bytes = std::span<const std::byte>;

/// The messages that enclose a tensor's data.
enum class Message : std::uint8_t { model, graph, node, attribute, tensor };

// Wire types (protobuf.dev/programming-guides/encoding).
constexpr unsigned kVarint = 0, kEightBytes = 1, kLengthGiven = 2, kFourBytes = 5;

/// The message that a field holds, if it may hold tensors.
std::optional<Message> message_in(Message of, unsigned field) {
  using ::onnx::AttributeProto;
  using ::onnx::GraphProto;
  using ::onnx::ModelProto;
  using ::onnx::NodeProto;
  switch (of) {
    case Message::model:
      if (field == ModelProto::kGraphFieldNumber) return Message::graph;
      break;
    case Message::graph:
      if (field == GraphProto::kNodeFieldNumber) return Message::node;
      if (field == GraphProto::kInitializerFieldNumber) return Message::tensor;
      break;
    case Message::node:
      if (field == NodeProto::kAttributeFieldNumber) return Message::attribute;
      break;
    case Message::attribute:
      if (field == AttributeProto::kTFieldNumber) return Message::tensor;
      break;
    case Message::tensor:
      break;
  }
  return std::nullopt;
}

struct Field {
  unsigned number = 0, kind = 0;
  std::uint64_t value = 0;  ///< of a varint
  Bytes all;                ///< including its tag
  Bytes content;            ///< of a length-delimited field
};

/// Iterates over the fields of a message.
class Fields {
 public:
  Fields(Bytes message, const std::string& name) : rest_(message), name_(name) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const Bytes begin = rest_;
    const std::uint64_t tag = varint();
    field = {.number = static_cast<unsigned>(tag >> 3), .kind = static_cast<unsigned>(tag & 7)};
    if (tag > UINT32_MAX || field.number == 0) fail_damaged();
    if (field.kind == kVarint) {
      field.value = varint();
    } else if (field.kind == kLengthGiven) {
      field.content = take(varint());
    } else if (field.kind == kEightBytes || field.kind == kFourBytes) {
      take(field.kind == kEightBytes ? 8 : 4);
    } else {
      fail_damaged();
    }
    field.all = begin.first(begin.size() - rest_.size());
    return true;
  }

 private:
  std::uint64_t varint() {
    constexpr int kMostBits = 64, kBits = 7;
    std::uint64_t value = 0;
    for (int shift = 0; shift < kMostBits; shift += kBits) {
      const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail_damaged();
  }

  Bytes take(std::uint64_t count) {
    if (count > rest_.size()) fail_damaged();
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  [[noreturn]] void fail_damaged() const { fail("{}: not an ONNX file, or a damaged one", name_); }

  Bytes rest_;
  const std::string& name_;
};

class Skeleton {
 public:
  Skeleton(Bytes file, const std::string& name) : file_(file), name_(name) {}

  std::string of(Message kind, Bytes message) const {
    std::string result;
    const bool floats = kind == Message::tensor && has_plain_floats(message);
    Fields fields(message, name_);
    for (Field field; fields.next(field);) {
      if (field.kind != kLengthGiven) {
        append(result, field.all);
      } else if (const auto inner = message_in(kind, field.number)) {
        append_field(result, field.number, of(*inner, field.content));
      } else if (kind == Message::tensor && (is_raw(field) || (floats && is_float_data(field)))) {
        append_field(result, ::onnx::TensorProto::kRawDataFieldNumber, place_of(field.content));
      } else {
        append(result, field.all);
      }
    }
    return result;
  }

 private:
  static bool is_raw(const Field& field) {
    return field.number == ::onnx::TensorProto::kRawDataFieldNumber && field.kind == kLengthGiven;
  }
  static bool is_float_data(const Field& field) {
    return field.number == ::onnx::TensorProto::kFloatDataFieldNumber;
  }

  /// Whether all of the tensor's data is one run of floats.
  bool has_plain_floats(Bytes tensor) const {
    int runs = 0;
    bool floats = false, others = false;
    Fields fields(tensor, name_);
    for (Field field; fields.next(field);) {
      if (field.number == ::onnx::TensorProto::kDataTypeFieldNumber)
        floats = field.kind == kVarint && field.value == ::onnx::TensorProto::FLOAT;
      if (is_float_data(field)) ++runs;
      others = others || is_raw(field) || (is_float_data(field) && field.kind != kLengthGiven);
    }
    return floats && !others && runs == 1;
  }

  std::string place_of(Bytes content) const {
    const PayloadPlace place{static_cast<std::size_t>(content.data() - file_.data()),
                             content.size()};
    return {reinterpret_cast<const char*>(&place), sizeof(place)};
  }

  static void append(std::string& to, Bytes bytes) {
    to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  static void append_varint(std::string& to, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
    to += static_cast<char>(value);
  }
  static void append_field(std::string& to, unsigned number, const std::string& content) {
    append_varint(to, std::uint64_t{number} << 3 | kLengthGiven);
    append_varint(to, content.size());
    to += content;
  }

  Bytes file_;
  const std::string& name_;
};

}  // namespace

std::string skeleton_of(Bytes file, const std::string& name) {
  return Skeleton(file, name).of(Message::model, file);
}

PayloadPlace payload_place(const std::string& raw_data) {
  PayloadPlace place;
  expect(raw_data.size() == sizeof(place), "onnx: expected a skeleton's raw data, got {} bytes",
         raw_data.size());
  std::memcpy(&place, raw_data.data(), sizeof(place));
  return place;
}

}  // namespace quench::onnx
