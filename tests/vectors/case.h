#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace quench::vectors {

using Json = nlohmann::json;

/// One case of a vector file; tests/vectors/README.md describes the format.
struct Case {
  std::string op, name;
  Json params, inputs, expect;
};

/// |got - want| <= atol + rtol * |want|
struct Tolerance {
  double rtol = 0.0;
  double atol = 0.0;
};

/// A file's tolerances: for results in float32, for sums over a tensor in float32, and in double.
struct Tolerances {
  Tolerance f32, f32_reduced, f64;
};

/// A tensor or list of the file, flattened row-major; also a single number or truth value. Reads
/// "nan", "inf" and "-inf".
std::vector<double> numbers(const Json& value);
/// Likewise as an f32 tensor with the file's shape.
Tensor tensor(const Json& value);
/// A tensor's elements in row-major order, as double.
std::vector<double> numbers(const Tensor& tensor);

/// Collects the comparisons of one case.
class Comparison {
 public:
  explicit Comparison(const Tolerances& tolerances) : tolerances_(tolerances) {}

  void f32(std::string_view what, const std::vector<double>& got, const Json& want);
  void f32(std::string_view what, const Tensor& got, const Json& want);
  void f32_reduced(std::string_view what, double got, const Json& want);
  void f64(std::string_view what, const std::vector<double>& got, const Json& want);
  void exact(std::string_view what, const std::vector<double>& got, const Json& want);
  void exact(std::string_view what, const Tensor& got, const Json& want);

  /// For results that the file gives another tolerance in words.
  void within(Tolerance tolerance, std::string_view what, const std::vector<double>& got,
              const Json& want);

  double largest_deviation() const { return largest_; }
  const std::string& failure() const { return failure_; }  ///< the first one; empty if none

 private:
  void compare(std::string_view what, const std::vector<double>& got,
               const std::vector<double>& want, Tolerance tolerance);

  Tolerances tolerances_;
  double largest_ = 0.0;
  std::string failure_;
};

/// Thrown by a case function for a variant of its operation that the project does not have.
struct NotThere {
  std::string why;
};

using CaseFunction = void (*)(const Case&, Comparison&);

struct Operation {
  std::string_view op;
  CaseFunction run;
};

}  // namespace quench::vectors
