// Computations on constants in graphs. Expected values are computed by hand from the operators'
// specification, or with NumPy if it defines them.

#include "onnx/import/constant_folding.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <stdexcept>

#include "onnx/import/arrays.h"
#include "onnx/import/graph.h"
#include "onnx/import/operators.h"

using namespace quench;
using namespace quench::onnx;

namespace {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min(),
                       kMax = std::numeric_limits<std::int64_t>::max();

OnnxTensor ints(Dims dims, const Ints& values) { return tensor_of(std::move(dims), values); }
OnnxTensor ints(const Ints& values) { return ints({std::ssize(values)}, values); }
OnnxTensor floats_of(Dims dims, const Floats& values) { return tensor_of(std::move(dims), values); }
OnnxTensor floats_of(const Floats& values) { return floats_of({std::ssize(values)}, values); }
OnnxTensor scalar(std::int64_t value) { return ints({}, {value}); }

/// As in the table, including attributes.
OnnxTensor fold(const std::string& op, const std::vector<OnnxTensor>& inputs,
                OnnxAttributes attributes = {}) {
  const OnnxNode node{.op = op, .inputs = {}, .output = "y", .attributes = std::move(attributes)};
  AttributeReader reader(node);
  const Attributes read = find_operator(op)->read(reader);
  reader.require_all_read();
  Constants pointers;
  for (const OnnxTensor& tensor : inputs) pointers.push_back(&tensor);
  return find_operator(op)->fold(read, pointers);
}

/// 0 to 23 as [2, 3, 4].
OnnxTensor counted() {
  Ints values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i);
  return ints({2, 3, 4}, values);
}

std::string refusal(const std::string& op, const std::vector<OnnxTensor>& inputs,
                    const OnnxAttributes& attributes = {}) {
  try {
    fold(op, inputs, attributes);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("constants: integer arithmetic rounds towards zero, as ONNX defines it") {
  const OnnxTensor a = ints({7, -7, 7, -7}), b = ints({2, 2, -2, -2});
  CHECK(integers(fold("Add", {a, b})) == Ints{9, -5, 5, -9});
  CHECK(integers(fold("Sub", {a, b})) == Ints{5, -9, 9, -5});
  CHECK(integers(fold("Mul", {a, b})) == Ints{14, -14, -14, 14});
  CHECK(integers(fold("Div", {a, b})) == Ints{3, -3, -3, 3});
  CHECK(integers(fold("Mod", {a, b})) == Ints{1, 1, -1, -1});
  CHECK(integers(fold("Mod", {a, b}, {{"fmod", std::int64_t{1}}})) == Ints{1, -1, 1, -1});
  CHECK(integers(fold("Max", {a, b, ints({0, 0, 0, 9})})) == Ints{7, 2, 7, 9});
  CHECK(integers(fold("Min", {a, b})) == Ints{2, -7, -2, -7});
  CHECK(integers(fold("Sum", {a, b, a})) == Ints{16, -12, 12, -16});
  CHECK(integers(fold("Clip", {a, scalar(-1), scalar(5)})) == Ints{5, -1, 5, -1});
  CHECK(integers(fold("Relu", {a})) == Ints{7, 0, 7, 0});
  CHECK(integers(fold("Neg", {a})) == Ints{-7, 7, -7, 7});
  CHECK(integers(fold("Abs", {a})) == Ints{7, 7, 7, 7});
  CHECK(integers(fold("Sign", {ints({-3, 0, 8})})) == Ints{-1, 0, 1});
  CHECK(integers(fold("Pow", {ints({3, -2, 0, -1}), ints({4, 3, 0, 101})})) == Ints{81, -8, 1, -1});
}

TEST_CASE("constants: arithmetic of floats") {
  const OnnxTensor a = floats_of({2.5f, -2.5f, 0.25f}), b = floats_of({0.5f, 2.0f, 4.0f});
  CHECK(floats(fold("Add", {a, b})) == Floats{3.0f, -0.5f, 4.25f});
  CHECK(floats(fold("Div", {a, b})) == Floats{5.0f, -1.25f, 0.0625f});
  CHECK(floats(fold("Mod", {a, b}, {{"fmod", std::int64_t{1}}})) == Floats{0.0f, -0.5f, 0.25f});
  CHECK(floats(fold("Clip", {a}, {{"max", 1.0f}})) == Floats{1.0f, -2.5f, 0.25f});
  CHECK(floats(fold("Floor", {a})) == Floats{2.0f, -3.0f, 0.0f});
  CHECK(floats(fold("Ceil", {a})) == Floats{3.0f, -2.0f, 1.0f});
  CHECK(floats(fold("Round", {a})) == Floats{2.0f, -2.0f, 0.0f});  // ties to even
  CHECK(floats(fold("Reciprocal", {b})) == Floats{2.0f, 0.5f, 0.25f});
  CHECK(floats(fold("Sqrt", {b}))[2] == 2.0f);
  CHECK(floats(fold("Exp", {floats_of({0.0f, 1.0f})})) == Floats{1.0f, 2.7182817f});
  CHECK(floats(fold("Log", {floats_of({1.0f})})) == Floats{0.0f});
  CHECK(floats(fold("Pow", {b, ints({2})})) == Floats{0.25f, 4.0f, 16.0f});
}

TEST_CASE("constants: comparisons and choices") {
  const OnnxTensor a = ints({1, 2, 3}), b = ints({3, 2, 1});
  CHECK(integers(fold("Equal", {a, b})) == Ints{0, 1, 0});
  CHECK(integers(fold("Greater", {a, b})) == Ints{0, 0, 1});
  CHECK(integers(fold("GreaterOrEqual", {a, b})) == Ints{0, 1, 1});
  CHECK(integers(fold("Less", {a, b})) == Ints{1, 0, 0});
  CHECK(integers(fold("LessOrEqual", {a, b})) == Ints{1, 1, 0});
  CHECK(integers(fold("Where", {ints({0, 1, 0}), scalar(-1), a})) == Ints{1, -1, 3});
  CHECK(integers(fold("And", {ints({0, 1, 1}), ints({1, 0, 2})})) == Ints{0, 0, 1});
  CHECK(integers(fold("Or", {ints({0, 1, 0}), ints({0, 0, 2})})) == Ints{0, 1, 1});
  CHECK(integers(fold("Not", {ints({0, 1})})) == Ints{1, 0});
}

TEST_CASE("constants: sizes broadcast as in NumPy") {
  const OnnxTensor column = ints({2, 1}, {10, 20}), row = ints({1, 2, 3});
  const OnnxTensor sum = fold("Add", {column, row});
  CHECK(sum.dims == Dims{2, 3});
  CHECK(integers(sum) == Ints{11, 12, 13, 21, 22, 23});
  CHECK(fold("Mul", {scalar(3), ints({1, 1}, {4})}).dims == Dims{1, 1});
  CHECK(fold("Add", {ints({0}, {}), ints({1}, {4})}).dims == Dims{0});
  CHECK(refusal("Add", {ints({1, 2}), ints({1, 2, 3})}) ==
        "expected sizes that broadcast together, got [2] and [3]");
  CHECK(refusal("Add", {ints({1}), floats_of({1.0f})}) == "expected two inputs of one type");
}

TEST_CASE("constants: integer overflow and division by 0 are rejected") {
  CHECK(refusal("Add", {scalar(kMax), scalar(1)}) ==
        "9223372036854775807 + 1 overflows 64-bit integers");
  CHECK(refusal("Sub", {scalar(kMin), scalar(1)}) != "");
  CHECK(refusal("Mul", {scalar(kMax), scalar(2)}) != "");
  CHECK(refusal("Neg", {scalar(kMin)}) != "");
  CHECK(refusal("Abs", {scalar(kMin)}) != "");
  CHECK(refusal("Div", {scalar(kMin), scalar(-1)}) != "");
  CHECK(refusal("Div", {scalar(1), scalar(0)}) == "expected divisors other than 0");
  CHECK(refusal("Mod", {scalar(1), scalar(0)}) == "expected divisors other than 0");
  CHECK(integers(fold("Mod", {scalar(kMin), scalar(-1)})) == Ints{0});
  CHECK(refusal("Pow", {scalar(10), scalar(kMax)}) != "");
  CHECK(refusal("Pow", {scalar(10), scalar(-1)}) != "");
  CHECK(refusal("ReduceProd", {ints({kMax, 2})}) != "");
  CHECK(refusal("Range", {scalar(0), scalar(5), scalar(0)}) == "expected steps other than 0");
  CHECK(refusal("Range", {scalar(kMin), scalar(kMax), scalar(1)}) != "");
}

TEST_CASE("constants: casts") {
  const auto to = [](std::int64_t type) { return OnnxAttributes{{"to", type}}; };
  CHECK(integers(fold("Cast", {floats_of({2.9f, -2.9f})}, to(7))) == Ints{2, -2});
  CHECK(integers(fold("Cast", {floats_of({0.0f, 0.1f})}, to(9))) == Ints{0, 1});
  CHECK(integers(fold("Cast", {ints({0, -4})}, to(9))) == Ints{0, 1});
  CHECK(floats(fold("Cast", {ints({3, -4})}, to(1))) == Floats{3.0f, -4.0f});
  CHECK(integers(fold("Cast", {ints({3})}, to(6))) == Ints{3});
  const OnnxTensor codes = fold("Cast", {ints({-128, 127})}, to(3));
  CHECK(codes.type == OnnxType::s8);
  CHECK(integers(fold("Cast", {codes}, to(7))) == Ints{-128, 127});
  CHECK(floats(fold("Cast", {fold("Cast", {ints({255})}, to(2))}, to(1))) == Floats{255.0f});
  CHECK(refusal("Cast", {ints({128})}, to(3)) == "to: type 3 holds -128 to 127, got 128");
  CHECK(refusal("Cast", {ints({std::int64_t{1} << 31})}, to(6)) != "");
  CHECK(refusal("Cast", {floats_of({1e30f})}, to(7)) != "");
  CHECK(refusal("Cast", {ints({1})}, to(8)) ==
        "to: expected a type of floats, integers or booleans, got 8");
}

TEST_CASE("constants: Gather takes slices along its axis") {
  const OnnxTensor rows = fold("Gather", {counted(), scalar(-1)});
  CHECK(rows.dims == Dims{3, 4});
  CHECK(integers(rows) == Ints{12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23});
  const OnnxTensor some =
      fold("Gather", {counted(), ints({2, 1}, {3, 0})}, {{"axis", std::int64_t{2}}});
  CHECK(some.dims == Dims{2, 3, 2, 1});
  CHECK(integers(some) == Ints{3, 0, 7, 4, 11, 8, 15, 12, 19, 16, 23, 20});
  CHECK(refusal("Gather", {ints({1, 2}), scalar(2)}) == "axis: expected -2 to 1, got 2");
}

TEST_CASE("constants: Slice") {
  const auto slice = [](const Ints& starts, const Ints& ends, const Ints& axes, const Ints& steps) {
    return fold("Slice", {counted(), ints(starts), ints(ends), ints(axes), ints(steps)});
  };
  CHECK(integers(slice({1, 1}, {2, 3}, {0, 2}, {1, 1})) == Ints{13, 14, 17, 18, 21, 22});
  CHECK(integers(slice({0, 0}, {1, 1}, {1, 0}, {1, 1})) == Ints{0, 1, 2, 3});
  CHECK(integers(slice({-1, 0, 0}, {kMin, 1, 1}, {2, 1, 0}, {-1, 1, 1})) == Ints{3, 2, 1, 0});
  CHECK(integers(slice({0, 0, 0}, {kMax, 1, 1}, {2, 1, 0}, {3, 1, 1})) == Ints{0, 3});
  CHECK(integers(slice({3, 0, 0}, {0, 1, 1}, {2, 1, 0}, {-2, 1, 1})) == Ints{3, 1});
  CHECK(integers(slice({-100, 0, 0}, {kMin, 1, 1}, {2, 1, 0}, {-1, 1, 1})) == Ints{0});
  CHECK(integers(slice({0, 0, 0}, {kMax, 1, 1}, {2, 1, 0}, {kMax, 1, 1})) == Ints{0});
  CHECK(slice({2}, {1}, {1}, {1}).dims == Dims{2, 0, 4});
  CHECK(slice({1}, {2}, {-2}, {1}).dims == Dims{2, 1, 4});
  // Attributes, as before operator set 10; axes are the first ones.
  CHECK(integers(fold("Slice", {ints({5, 6, 7, 8})}, {{"starts", Ints{1}}, {"ends", Ints{-1}}})) ==
        Ints{6, 7});
  CHECK(refusal("Slice", {counted(), ints({0}), ints({1}), ints({0}), ints({0})}) != "");
}

TEST_CASE("constants: Concat, Expand, Tile, ConstantOfShape, Range") {
  const OnnxTensor joined = fold("Concat", {ints({2, 1}, {1, 2}), ints({2, 2}, {3, 4, 5, 6})},
                                 {{"axis", std::int64_t{-1}}});
  CHECK(joined.dims == Dims{2, 3});
  CHECK(integers(joined) == Ints{1, 3, 4, 2, 5, 6});
  CHECK(floats(fold("Concat", {floats_of({1.0f}), floats_of({2.0f})},
                    {{"axis", std::int64_t{0}}})) == Floats{1.0f, 2.0f});
  CHECK(refusal("Concat", {ints({1}), floats_of({2.0f})}, {{"axis", std::int64_t{0}}}) != "");

  CHECK(integers(fold("Expand", {ints({2, 1}, {1, 2}), ints({3})})) == Ints{1, 1, 1, 2, 2, 2});
  CHECK(fold("Expand", {scalar(4), ints({2, 1})}).dims == Dims{2, 1});
  CHECK(integers(fold("Tile", {ints({1, 2}, {1, 2}), ints({2, 2})})) ==
        Ints{1, 2, 1, 2, 1, 2, 1, 2});
  CHECK(floats(fold("ConstantOfShape", {ints({2})})) == Floats{0.0f, 0.0f});
  CHECK(integers(fold("ConstantOfShape", {ints({1, 2})}, {{"value", ints({7})}})) == Ints{7, 7});
  CHECK(fold("ConstantOfShape", {ints({0}, {})}).dims.empty());
  CHECK(integers(fold("Range", {scalar(1), scalar(8), scalar(3)})) == Ints{1, 4, 7});
  CHECK(integers(fold("Range", {scalar(3), scalar(0), scalar(-1)})) == Ints{3, 2, 1});
  CHECK(integers(fold("Range", {scalar(3), scalar(0), scalar(1)})).empty());
  CHECK(floats(fold("Range", {floats_of({}, {0.0f}), floats_of({}, {1.0f}),
                              floats_of({}, {0.4f})})) == Floats{0.0f, 0.4f, 0.8f});
}

TEST_CASE("constants: shapes") {
  CHECK(integers(fold("Shape", {counted()})) == Ints{2, 3, 4});
  CHECK(integers(fold("Shape", {counted()}, {{"start", std::int64_t{-2}}})) == Ints{3, 4});
  CHECK(integers(fold("Shape", {counted()}, {{"end", std::int64_t{1}}})) == Ints{2});
  CHECK(integers(fold("Size", {counted()})) == Ints{24});
  CHECK(fold("Reshape", {counted(), ints({0, -1})}).dims == Dims{2, 12});
  CHECK(fold("Reshape", {counted(), ints({-1})}).dims == Dims{24});
  CHECK(fold("Reshape", {ints({0, 3}, {}), ints({3, 0})}, {{"allowzero", std::int64_t{1}}}).dims ==
        Dims{3, 0});
  CHECK(refusal("Reshape", {counted(), ints({5, -1})}) != "");
  CHECK(refusal("Reshape", {counted(), ints({-1, -1})}) != "");
  CHECK(fold("Squeeze", {ints({1, 2, 1}, {1, 2})}).dims == Dims{2});
  CHECK(fold("Squeeze", {ints({1, 2, 1}, {1, 2}), ints({-1})}).dims == Dims{1, 2});
  CHECK(refusal("Squeeze", {counted(), ints({1})}) != "");
  CHECK(fold("Unsqueeze", {counted(), ints({-1, 0})}).dims == Dims{1, 2, 3, 4, 1});
  CHECK(refusal("Unsqueeze", {counted(), ints({0, 0})}) ==
        "axes: expected distinct axes, got [0, 0]");
  const OnnxTensor turned = fold("Transpose", {counted()}, {{"perm", Ints{1, 2, 0}}});
  CHECK(turned.dims == Dims{3, 4, 2});
  CHECK(integers(fold("Gather", {turned, scalar(0)})) == Ints{0, 12, 1, 13, 2, 14, 3, 15});
  CHECK(fold("Transpose", {counted()}).dims == Dims{4, 3, 2});
}

TEST_CASE("constants: reductions") {
  const OnnxAttributes flat{{"keepdims", std::int64_t{0}}};
  CHECK(integers(fold("ReduceSum", {counted(), ints({2})}, flat)) == Ints{6, 22, 38, 54, 70, 86});
  CHECK(fold("ReduceSum", {counted(), ints({2})}).dims == Dims{2, 3, 1});
  CHECK(integers(fold("ReduceSum", {counted(), ints({0, -2})}, flat)) == Ints{60, 66, 72, 78});
  CHECK(integers(fold("ReduceProd", {ints({2, 3, 7})}, flat)) == Ints{42});
  CHECK(integers(fold("ReduceMax", {counted()},
                      {{"axes", Ints{0, 1}}, {"keepdims", std::int64_t{0}}})) ==
        Ints{20, 21, 22, 23});
  CHECK(integers(fold("ReduceMin", {counted()}, flat)) == Ints{0});
  CHECK(floats(fold("ReduceMean", {floats_of({2, 2}, {1.0f, 2.0f, 3.0f, 6.0f}), ints({0})},
                    flat)) == Floats{2.0f, 4.0f});
  CHECK(integers(fold("ReduceSum", {counted()}, {{"noop_with_empty_axes", std::int64_t{1}}})) ==
        integers(counted()));
}

TEST_CASE("constants: arithmetic on a weight is computed whatever its size") {
  const std::int64_t rows = 2049, columns = 2048;  // more than 2^22
  Floats weight(static_cast<std::size_t>(rows * columns), 3.0f);
  weight.back() = 5.0f;
  Floats scale(static_cast<std::size_t>(rows), 2.0f);
  const OnnxTensor w = floats_of({rows, columns}, weight), s = floats_of({rows, 1}, scale);
  for (const OnnxTensor& product : {fold("Mul", {w, s}), fold("Mul", {s, w})}) {
    CHECK(product.dims == Dims{rows, columns});
    CHECK(floats(product).front() == 6.0f);
    CHECK(floats(product).back() == 10.0f);
  }
  // Two small ones are not expanded to a large one.
  CHECK(refusal("Mul", {s, floats_of({1, 1 << 12}, Floats(1 << 12))}) != "");
}

TEST_CASE("constants: no file can make more of them than fits in memory") {
  const std::int64_t large = std::int64_t{1} << 40;
  CHECK(refusal("ConstantOfShape", {ints({large})}).find("at most 4194304 elements") !=
        std::string::npos);
  CHECK(refusal("Expand", {scalar(1), ints({large, large, large})}) != "");
  CHECK(refusal("Tile", {ints({1}), ints({large})}) != "");
  CHECK(refusal("Range", {scalar(0), scalar(large), scalar(1)}) != "");
  CHECK(refusal("ConstantOfShape", {ints({-1})}) != "");
  CHECK(refusal("Add", {ints({large, 0}, {}), ints({1, 1}, {1})}) != "");
  CHECK(refusal("ReduceMax", {ints({0}, {})}) != "");

  GraphMaker g;
  std::string x = g.node("ConstantOfShape", {g.integers({1}, {1 << 20})});
  for (int i = 0; i < 12; ++i) x = g.node("Concat", {x, x}, {{"axis", std::int64_t{0}}});
  std::string message;
  try {
    build(g.classify(g.node("Flatten", {g.node("Add", {"images", x})}), 216));
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(message.find("take more memory than the file's own constants allow") != std::string::npos);
}

TEST_CASE(
    "constant folding: weights standardized by a batch norm, with constants or their own "
    "statistics") {
  // Two channels of 1, 3 and of 2, 6: means 2 and 4, variances 1 and 4.
  const OnnxTensor x = floats_of({1, 2, 2}, {1, 3, 2, 6});
  const std::vector<OnnxTensor> inputs{x, floats_of({2, 3}), floats_of({10, 20}), floats_of({0, 0}),
                                       floats_of({1, 1})};
  CHECK(fold("BatchNormalization", inputs, {{"epsilon", 0.0f}}) ==
        floats_of({1, 2, 2}, {12, 16, 26, 38}));
  CHECK(
      fold("BatchNormalization", inputs, {{"epsilon", 0.0f}, {"training_mode", std::int64_t{1}}}) ==
      floats_of({1, 2, 2}, {8, 12, 17, 23}));
  CHECK(refusal("BatchNormalization", {x, floats_of({2}), inputs[2], inputs[3], inputs[4]}) ==
        "'': expected 2 values, got 1");
  CHECK(refusal("BatchNormalization", {floats_of({2})}).starts_with("expected [N, C, ...]"));
}

TEST_CASE("constant folding: lengths") {
  const OnnxTensor x = floats_of({2, 2}, {3, 4, 5, 12});
  CHECK(fold("ReduceL2", {x, ints({1})}, {{"keepdims", std::int64_t{0}}}) == floats_of({5, 13}));
}

TEST_CASE("constant folding: a large weight times one value per channel") {
  constexpr std::int64_t kInputs = std::int64_t{3}
                                   << 20;  // together beyond the limit for computed constants
  const OnnxTensor weight = floats_of({2, kInputs}, Floats(2 * kInputs, 2.0f));
  const OnnxTensor product = fold("Mul", {weight, floats_of({2, 1}, {1.0f, 3.0f})});
  CHECK(product.dims == weight.dims);
  CHECK(floats(product).front() == 2.0f);
  CHECK(floats(product).back() == 6.0f);
}
