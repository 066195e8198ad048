#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "onnx/file/model_proto.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::testing;
using ::onnx::TensorProto;

namespace {

template <typename T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

quench::onnx::OnnxTensor only_tensor(const ::onnx::ModelProto& model) {
  const quench::onnx::OnnxModel read = parsed(model);
  REQUIRE(read.constants.size() == 1);
  return read.constants[0];
}

/// `w` [2] of the type, its bytes raw.
template <typename T>
quench::onnx::OnnxTensor raw_tensor(int data_type, const std::vector<T>& values) {
  ::onnx::ModelProto model = model_with_tensor(data_type, {2});
  tensor_of(model).set_raw_data(raw(values));
  return only_tensor(model);
}

constexpr std::uint16_t kHalfTenth = 0x2e66;      // 0.1 rounded to a half: 1638 * 2^-14
constexpr std::uint16_t kLeastHalf = 0x8001;      // -2^-24
constexpr std::uint16_t kBfloatMinusPi = 0xc049;  // -201 / 64

}  // namespace

TEST_CASE("read_onnx: floats of any width become f32") {
  const std::vector<float> expected{1.5f, -0.25f};
  CHECK(raw_tensor(TensorProto::FLOAT, expected).type == quench::onnx::OnnxType::f32);
  CHECK(values_of<float>(raw_tensor(TensorProto::FLOAT, expected)) == expected);
  CHECK(values_of<float>(raw_tensor<double>(TensorProto::DOUBLE, {0.1, -1e-60})) ==
        std::vector{0.1f, -0.0f});
  CHECK(
      values_of<float>(raw_tensor<std::uint16_t>(TensorProto::FLOAT16, {kHalfTenth, kLeastHalf})) ==
      std::vector{1638.0f / 16384.0f, -std::ldexp(1.0f, -24)});
  CHECK(values_of<float>(raw_tensor<std::uint16_t>(TensorProto::BFLOAT16, {kBfloatMinusPi, 0})) ==
        std::vector{-201.0f / 64.0f, 0.0f});

  ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT16, {2});
  tensor_of(model).add_int32_data(kHalfTenth);
  tensor_of(model).add_int32_data(0x7bff);
  CHECK(values_of<float>(only_tensor(model)) == std::vector{1638.0f / 16384.0f, 65504.0f});
}

TEST_CASE("read_onnx: every half") {
  std::vector<std::uint16_t> halves;
  for (std::uint32_t h = 0; h < 0x10000; ++h) {
    if ((h & 0x7c00u) != 0x7c00u) halves.push_back(static_cast<std::uint16_t>(h));
  }
  ::onnx::ModelProto model =
      model_with_tensor(TensorProto::FLOAT16, {static_cast<std::int64_t>(halves.size())});
  tensor_of(model).set_raw_data(raw(halves));
  const std::vector<float> values = values_of<float>(only_tensor(model));
  int wrong = 0;
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const int exponent = (halves[i] >> 10) & 31;
    const int fraction = halves[i] & 1023;
    const double size =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    wrong += static_cast<double>(values[i]) != (halves[i] & 0x8000 ? -size : size);
  }
  CHECK(wrong == 0);
}

TEST_CASE("read_onnx: integers") {
  const quench::onnx::OnnxTensor wide = raw_tensor<std::int32_t>(TensorProto::INT32, {7, -8});
  CHECK(wide.type == quench::onnx::OnnxType::s64);
  CHECK(values_of<std::int64_t>(wide) == std::vector<std::int64_t>{7, -8});
  CHECK(values_of<std::int64_t>(raw_tensor<std::uint8_t>(TensorProto::BOOL, {1, 0})) ==
        std::vector<std::int64_t>{1, 0});
  const quench::onnx::OnnxTensor codes = raw_tensor<std::int8_t>(TensorProto::INT8, {-128, 127});
  CHECK(codes.type == quench::onnx::OnnxType::s8);
  CHECK(values_of<std::int8_t>(codes) == std::vector<std::int8_t>{-128, 127});

  ::onnx::ModelProto model = model_with_tensor(TensorProto::UINT8, {2});
  tensor_of(model).add_int32_data(0);
  tensor_of(model).add_int32_data(255);
  CHECK(only_tensor(model).type == quench::onnx::OnnxType::u8);
  CHECK(values_of<std::uint8_t>(only_tensor(model)) == std::vector<std::uint8_t>{0, 255});
  tensor_of(model).set_int32_data(1, 256);
  CHECK(error_of(model) == "m.onnx: tensor 'w': 256 does not fit its type UINT8");
}

TEST_CASE("read_onnx: two 4-bit codes per byte, the low one first") {
  constexpr int kUint4 = 21, kInt4 = 22;  // not defined in the library of Debian 12
  for (const bool raw : {true, false}) {
    for (const int type : {kInt4, kUint4}) {
      ::onnx::ModelProto model = model_with_tensor(type, {3});
      tensor_of(model).clear_raw_data();
      if (raw) {
        tensor_of(model).set_raw_data("\x1f\x08", 2);
      } else {
        tensor_of(model).add_int32_data(0x1f);
        tensor_of(model).add_int32_data(0x08);
      }
      const quench::onnx::OnnxTensor tensor = only_tensor(model);
      CHECK(tensor.type ==
            (type == kInt4 ? quench::onnx::OnnxType::s4 : quench::onnx::OnnxType::u4));
      const std::byte first{static_cast<unsigned char>(type == kInt4 ? 0xff : 0x0f)};
      const std::byte last{static_cast<unsigned char>(type == kInt4 ? 0xf8 : 0x08)};
      CHECK(tensor.bytes == std::vector{first, std::byte{1}, last});
    }
  }
}

TEST_CASE("read_onnx: unsupported types") {
  CHECK(error_of(model_with_tensor(TensorProto::UINT16, {1})).find("got UINT16") !=
        std::string::npos);
  CHECK(error_of(model_with_tensor(TensorProto::STRING, {1})).find("got STRING") !=
        std::string::npos);
  CHECK(error_of(model_with_tensor(99, {1})) ==
        "m.onnx: tensor 'w': expected FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT64, INT32, INT8, UINT8, "
        "INT4, UINT4 or BOOL, got 99");
  ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, {1});
  tensor_of(model).mutable_segment()->set_begin(0);
  CHECK(error_of(model) == "m.onnx: tensor 'w': segmented tensors are not supported");
  model = model_with_tensor(TensorProto::FLOAT, {});
  tensor_of(model).add_float_data(1.0f);
  model.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("sparse");
  CHECK(error_of(model) == "m.onnx: sparse initializers are not supported, got 'sparse'");
}

TEST_CASE("read_onnx: dims that do not match the data are rejected before anything is allocated") {
  const auto error_with = [](std::initializer_list<std::int64_t> dims) {
    ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, dims);
    tensor_of(model).set_raw_data(std::string(8, '\0'));
    return error_of(model);
  };
  CHECK(error_with({2}) == "no error");
  CHECK(error_with({3}) == "m.onnx: tensor 'w': expected 12 bytes for its dims, got 8");
  CHECK(error_with({1, -2}) == "m.onnx: tensor 'w': expected dims of at least 0, got -2");
  CHECK(error_with({1 << 20, 1 << 20}) ==
        "m.onnx: tensor 'w': expected 4398046511104 bytes for its dims, got 8");
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  CHECK(error_with({kHuge, kHuge, 4}) == "m.onnx: tensor 'w': more than 281474976710656 elements");
  CHECK(error_with({kHuge, 0}).find("more than") != std::string::npos);

  ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, {2, 2});
  tensor_of(model).add_float_data(1.0f);
  CHECK(error_of(model) == "m.onnx: tensor 'w': expected 16 bytes for its dims, got 4");
  tensor_of(model).clear_float_data();
  tensor_of(model).set_data_type(TensorProto::INT64);
  tensor_of(model).add_int64_data(1);
  CHECK(error_of(model) == "m.onnx: tensor 'w': expected 4 values for its dims, got 1");
  for (int i = 0; i < 100; ++i) tensor_of(model).add_dims(1);
  CHECK(error_of(model) == "m.onnx: tensor 'w': expected at most 64 dims, got 102");
}

TEST_CASE("read_onnx: NaN and infinite weights") {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const auto error_with = [](std::initializer_list<std::int64_t> dims, float value) {
    ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, dims);
    tensor_of(model).add_float_data(value);
    return error_of(model);
  };
  CHECK(error_with({1}, std::stof("nan")) ==
        "m.onnx: tensor 'w': expected finite values, got nan at [0]");
  CHECK(error_with({1}, -kInf) == "m.onnx: tensor 'w': expected finite values, got -inf at [0]");
  CHECK(error_with({}, std::stof("nan")).find("got nan") != std::string::npos);
  CHECK(error_with({}, kInf) == "no error");  // an unbounded Clip

  ::onnx::ModelProto model = model_with_tensor(TensorProto::DOUBLE, {1});
  tensor_of(model).add_double_data(-1e300);
  CHECK(error_of(model) == "m.onnx: tensor 'w': expected finite values, got -inf at [0]");
  // A constant that no needed node reads is not part of the network.
  model.mutable_graph()->mutable_node(0)->set_input(1, "x");
  CHECK(parsed(model).constants.empty());
}

namespace {

struct ExternalCase {
  std::string location = "w.bin";
  std::string offset = {}, length = {};
};

::onnx::ModelProto external_model(const ExternalCase& c) {
  ::onnx::ModelProto model = model_with_tensor(TensorProto::FLOAT, {2});
  TensorProto& tensor = tensor_of(model);
  tensor.set_data_location(TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", c.location);
  add("offset", c.offset);
  add("length", c.length);
  return model;
}

}  // namespace

TEST_CASE("read_onnx: weights in a separate file") {
  namespace fs = std::filesystem;
  const TemporaryFolder root;
  const fs::path folder = root / "model";
  fs::create_directories(folder / "data");
  write_file_atomically(folder / "w.bin", raw<float>({0.0f, 1.0f, 2.0f}));
  write_file_atomically(folder / "data" / "w.bin", raw<float>({5.0f, 6.0f}));
  write_file_atomically(root / "secret.bin", raw<float>({7.0f, 8.0f}));
  const auto values = [&](const ExternalCase& c) {
    return values_of<float>(parsed(external_model(c), folder).constants.at(0));
  };
  const auto error = [&](const ExternalCase& c) { return error_of(external_model(c), folder); };

  CHECK(values({.offset = "4", .length = "8"}) == std::vector{1.0f, 2.0f});
  CHECK(values({.offset = "4"}) == std::vector{1.0f, 2.0f});
  CHECK(values({.location = "data/w.bin"}) == std::vector{5.0f, 6.0f});

  CHECK(error({.location = "missing.bin"}) ==
        "m.onnx: tensor 'w': external data: cannot find 'missing.bin' in the model's folder " +
            folder.string() + ": No such file or directory");
  CHECK(error({.location = ""}) ==
        "m.onnx: tensor 'w': external data: expected a file name, got none");
  CHECK(error({.location = "../secret.bin"}) ==
        "m.onnx: tensor 'w': external data: expected a file in the model's folder, got "
        "'../secret.bin'");
  CHECK(error({.location = "data/../../secret.bin"}).find("in the model's folder") !=
        std::string::npos);
  CHECK(error({.location = (root / "secret.bin").string()}).find("in the model's folder") !=
        std::string::npos);
  CHECK(error({.location = "data"}) == "m.onnx: tensor 'w': external data: 'data' is not a file");
  fs::create_symlink(root / "secret.bin", folder / "link.bin");
  CHECK(error({.location = "link.bin"}) ==
        "m.onnx: tensor 'w': external data: 'link.bin' is a link that leaves the model's folder");
  fs::create_directory_symlink("data", folder / "alias");
  CHECK(values({.location = "alias/w.bin"}) == std::vector{5.0f, 6.0f});

  CHECK(error({.offset = "8"}) ==
        "m.onnx: tensor 'w': external data: expected 8 bytes from byte 8 of 'w.bin', which has 12");
  CHECK(error({.offset = "18446744073709551615"}).find("from byte 18446744073709551615") !=
        std::string::npos);
  CHECK(error({.offset = "-4"}) ==
        "m.onnx: tensor 'w': external data: expected offset in bytes, got '-4'");
  CHECK(error({.length = "8x"}).find("expected length in bytes, got '8x'") != std::string::npos);
  CHECK(error({.length = "4"}) ==
        "m.onnx: tensor 'w': external data: expected 8 bytes for its dims, got 4 in 'w.bin'");
  CHECK(error({}).find("expected 8 bytes for its dims, got 12 in 'w.bin'") != std::string::npos);
}

TEST_CASE("read_onnx: tensors that share a file's bytes take no more memory than it has") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "w.bin", raw<float>({0.0f, 1.0f}));
  ::onnx::ModelProto model = external_model({});
  *model.mutable_graph()->add_initializer() = tensor_of(model);
  model.mutable_graph()->mutable_initializer(1)->set_name("v");
  model.mutable_graph()->mutable_node(0)->set_input(0, "v");
  model.mutable_graph()->mutable_node(0)->set_output(0, "sum");
  add_node(model, "Add", {"x", "sum"}, {"y"});
  CHECK(error_of(model, folder.path()) ==
        "m.onnx: tensor 'v': external data: tensors take more than the 8 bytes of 'w.bin'");
}
