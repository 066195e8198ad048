#include "onnx/file/tensor_reader.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "core/half.h"
#include "core/ops/reduce.h"
#include "onnx/file/names.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

using ::onnx::TensorProto;

constexpr std::uint64_t kMaxElements = 1ULL << 48;  // the limit of Shape
constexpr int kMaxRank = 64;
constexpr int kUint4 = 21, kInt4 = 22;  // data types that older ONNX libraries lack

std::uint64_t count_elements(const TensorProto& proto, const std::string& where) {
  if (proto.dims_size() > kMaxRank)
    fail("{}: expected at most {} dims, got {}", where, kMaxRank, proto.dims_size());
  std::uint64_t count = 1;
  bool empty = false;
  for (const std::int64_t dim : proto.dims()) {
    if (dim < 0) fail("{}: expected dims of at least 0, got {}", where, dim);
    const auto size = static_cast<std::uint64_t>(dim);
    empty = empty || size == 0;
    if (size != 0 && count > kMaxElements / size)
      fail("{}: more than {} elements", where, kMaxElements);
    if (size != 0) count *= size;
  }
  return empty ? 0 : count;
}

/// Returns infinity beyond a float's range, where a cast would be undefined.
float from_double(double x) {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (std::abs(x) > kMax)
    return std::copysign(std::numeric_limits<float>::infinity(), x > 0 ? 1.0f : -1.0f);
  return static_cast<float>(x);
}

template <typename T>
OnnxTensor tensor_of(const std::string& name, OnnxType type, std::vector<std::int64_t> dims,
                     std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {name, type, std::move(dims), std::vector<std::byte>(bytes.begin(), bytes.end())};
}

/// A scalar may be infinite, to express a missing bound.
void check_finite(std::span<const float> values, std::span<const std::int64_t> dims,
                  const std::string& where) {
  if (dims.empty() && values.size() == 1 && std::isinf(values[0])) return;
  const std::string found = first_non_finite(values, dims);
  if (!found.empty()) fail("{}: expected finite values, got {}", where, found);
}

/// Whether all floats are finite; they may be unaligned.
bool all_finite(const SharedBytes& floats) {
  constexpr std::uint32_t kExponent = 0x7f800000;  // all of its bits: an infinity or a NaN
  bool finite = true;
  for (std::size_t i = 0; i < floats.size(); i += sizeof(float)) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, floats.data() + i, sizeof(bits));
    finite &= (bits & kExponent) != kExponent;
  }
  return finite;
}

/// Reads a tensor whose values are raw bytes of type `Stored` or a field of the message.
class TensorReader {
 public:
  TensorReader(const TensorProto& proto, const std::string& name, const std::string& file,
               TensorData& data)
      : proto_(proto),
        name_(name),
        where_(fmt::format("{}: tensor {}", file, in_quotes(name))),
        data_(data),
        dims_(proto.dims().begin(), proto.dims().end()),
        count_(count_elements(proto, where_)) {
    if (proto.has_segment()) fail("{}: segmented tensors are not supported", where_);
  }

  template <typename Stored, typename Field, typename Convert>
  OnnxTensor converted(const Field& field, Convert convert) const {
    const std::vector<float> numbers = values<Stored>(field, convert);
    check_finite(numbers, dims_, where_);
    return make_tensor(name_, dims_, numbers);
  }

  /// 32-bit floats, most of a file, are not copied.
  OnnxTensor floats() const {
    const auto same = [](float x) { return x; };
    if (!has_bytes()) return converted<float>(proto_.float_data(), same);
    const SharedBytes bytes = bytes_of(sizeof(float));
    if (!all_finite(bytes)) {
      std::vector<float> numbers;
      append<float>(numbers, bytes, same);
      check_finite(numbers, dims_, where_);
    }
    return {name_, OnnxType::f32, dims_, bytes};
  }

  template <typename Stored, typename Field>
  OnnxTensor integers(const Field& field) const {
    return make_tensor(name_, dims_,
                       values<Stored>(field, [](Stored q) { return std::int64_t{q}; }));
  }

  template <typename Stored>
  OnnxTensor codes(OnnxType type) const {
    const auto q = values<Stored>(proto_.int32_data(), [](Stored code) { return code; });
    return tensor_of(name_, type, dims_, std::span<const Stored>(q));
  }

  /// A byte holds two 4-bit codes, the low one first; a field has one byte per number.
  OnnxTensor half_bytes(OnnxType type) const {
    std::vector<std::uint8_t> packed;
    const std::uint64_t size = (count_ + 1) / 2;
    if (has_bytes()) {
      append<std::uint8_t>(packed, data_.of(proto_, where_, size),
                           [](std::uint8_t byte) { return byte; });
    } else {
      check_size(static_cast<std::uint64_t>(proto_.int32_data_size()), size);
      for (const std::int32_t value : proto_.int32_data())
        packed.push_back(stored<std::uint8_t>(value));
    }
    std::vector<std::int8_t> q(count_);
    for (std::size_t i = 0; i < q.size(); ++i) {
      const int code = i % 2 == 0 ? packed[i / 2] & 15 : packed[i / 2] >> 4;
      q[i] = static_cast<std::int8_t>(type == OnnxType::s4 && code > 7 ? code - 16 : code);
    }
    return tensor_of(name_, type, dims_, std::span<const std::int8_t>(q));
  }

  [[noreturn]] void fail_type() const {
    fail(
        "{}: expected FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT64, INT32, INT8, UINT8, INT4, UINT4 or "
        "BOOL, got {}",
        where_, type_name(proto_.data_type()));
  }

 private:
  /// Allocates only after the sizes match.
  template <typename Stored, typename Field, typename Convert>
  auto values(const Field& field, Convert convert) const {
    std::vector<decltype(convert(Stored{}))> result;
    if (has_bytes()) {
      append<Stored>(result, bytes_of(sizeof(Stored)), convert);
    } else {
      check_size(static_cast<std::uint64_t>(field.size()), count_);
      result.reserve(count_);
      for (const auto value : field) result.push_back(convert(stored<Stored>(value)));
    }
    return result;
  }

  bool has_bytes() const {
    return proto_.data_location() == TensorProto::EXTERNAL || proto_.has_raw_data();
  }

  SharedBytes bytes_of(std::size_t element) const {
    return data_.of(proto_, where_, count_ * element);
  }

  template <typename Stored, typename Result, typename Convert>
  static void append(Result& result, const SharedBytes& bytes, Convert convert) {
    result.resize(bytes.size() / sizeof(Stored));
    for (std::size_t i = 0; i < result.size(); ++i) {
      Stored value;
      std::memcpy(&value, bytes.data() + i * sizeof(Stored), sizeof(Stored));
      result[i] = convert(value);
    }
  }

  void check_size(std::uint64_t actual, std::uint64_t expected) const {
    if (actual != expected)
      fail("{}: expected {} values for its dims, got {}", where_, expected, actual);
  }

  template <typename Stored, typename Value>
  Stored stored(Value value) const {
    if constexpr (std::is_integral_v<Value>) {
      if (!std::in_range<Stored>(value))
        fail("{}: {} does not fit its type {}", where_, value, type_name(proto_.data_type()));
    }
    return static_cast<Stored>(value);
  }

  const TensorProto& proto_;
  const std::string& name_;
  std::string where_;
  TensorData& data_;
  std::vector<std::int64_t> dims_;
  std::uint64_t count_;
};

}  // namespace

std::string type_name(int data_type) {
  if (!TensorProto::DataType_IsValid(data_type)) return fmt::format("{}", data_type);
  return TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type));
}

OnnxTensor make_tensor(const std::string& name, std::vector<std::int64_t> dims,
                       std::span<const float> values) {
  return tensor_of(name, OnnxType::f32, std::move(dims), values);
}

OnnxTensor make_tensor(const std::string& name, std::vector<std::int64_t> dims,
                       std::span<const std::int64_t> values) {
  return tensor_of(name, OnnxType::s64, std::move(dims), values);
}

OnnxTensor read_tensor(const TensorProto& proto, const std::string& name, const std::string& file,
                       TensorData& data) {
  const TensorReader reader(proto, name, file, data);
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      return reader.floats();
    case TensorProto::DOUBLE:
      return reader.converted<double>(proto.double_data(), from_double);
    case TensorProto::FLOAT16:
      return reader.converted<std::uint16_t>(proto.int32_data(), from_half);
    case TensorProto::BFLOAT16:
      return reader.converted<std::uint16_t>(proto.int32_data(), from_bfloat);
    case TensorProto::INT64:
      return reader.integers<std::int64_t>(proto.int64_data());
    case TensorProto::INT32:
      return reader.integers<std::int32_t>(proto.int32_data());
    case TensorProto::BOOL:
      return reader.integers<std::uint8_t>(proto.int32_data());
    case TensorProto::INT8:
      return reader.codes<std::int8_t>(OnnxType::s8);
    case TensorProto::UINT8:
      return reader.codes<std::uint8_t>(OnnxType::u8);
    case kInt4:
      return reader.half_bytes(OnnxType::s4);
    case kUint4:
      return reader.half_bytes(OnnxType::u4);
    default:
      reader.fail_type();
  }
}

}  // namespace quench::onnx
