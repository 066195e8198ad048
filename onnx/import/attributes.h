#pragma once

// Private to the folder: each operator's attributes as a struct, read before the node is built.
// Members are initialized with the attribute's default.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx {

/// Fills a struct from a node's attributes. The struct's each() calls the reader for every
/// attribute that the operator has in any operator set.
class AttributeReader {
 public:
  explicit AttributeReader(const OnnxNode& node) : node_(node) {}

  /// Sets `member` if the node has the attribute.
  /// @throws std::invalid_argument  if its type differs
  template <typename T>
  void operator()(const char* name, T& member) {
    if (const OnnxAttribute* given = find(name)) set(member, *given, name);
  }
  /// Accepts an attribute that does not affect quench's results.
  void ignored(const char* name) { find(name); }

  /// The attributes that were requested.
  const std::vector<std::string>& names() const { return names_; }
  /// @throws std::invalid_argument  if the node has an attribute that was not requested
  void require_all_read() const;

 private:
  const OnnxAttribute* find(const char* name);
  template <typename T>
  static void set(T& member, const OnnxAttribute& given, const char* name);
  template <typename T>
  static void set(std::optional<T>& member, const OnnxAttribute& given, const char* name) {
    set(member.emplace(), given, name);
  }

  const OnnxNode& node_;
  std::vector<std::string> names_;
};

using Integers = std::vector<std::int64_t>;

struct NoAttributes {
  void each(auto&) {}
};

/// Windows over an image.
struct WindowAttributes {
  std::string auto_pad = "NOTSET";
  Integers kernel_shape;
  std::optional<Integers> dilations, pads, strides;

  void each(auto& read) {
    read("auto_pad", auto_pad);
    read("dilations", dilations);
    read("kernel_shape", kernel_shape);
    read("pads", pads);
    read("strides", strides);
  }
};

struct ConvAttributes : WindowAttributes {
  std::int64_t group = 1;

  void each(auto& read) {
    WindowAttributes::each(read);
    read("group", group);
  }
};

struct ConvTransposeAttributes : ConvAttributes {
  std::optional<Integers> output_padding, output_shape;

  void each(auto& read) {
    ConvAttributes::each(read);
    read("output_padding", output_padding);
    read("output_shape", output_shape);
  }
};

struct MaxPoolAttributes : WindowAttributes {
  std::int64_t ceil_mode = 0;

  void each(auto& read) {
    WindowAttributes::each(read);
    read("ceil_mode", ceil_mode);
    read.ignored("storage_order");  // of the indices of maxima, which nothing reads
  }
};

struct AveragePoolAttributes : WindowAttributes {
  std::int64_t ceil_mode = 0, count_include_pad = 0;

  void each(auto& read) {
    WindowAttributes::each(read);
    read("ceil_mode", ceil_mode);
    read("count_include_pad", count_include_pad);
  }
};

struct GemmAttributes {
  float alpha = 1.0f, beta = 1.0f;
  std::int64_t transA = 0, transB = 0;

  void each(auto& read) {
    read("alpha", alpha);
    read("beta", beta);
    read("transA", transA);
    read("transB", transB);
  }
};

struct BatchNormAttributes {
  float epsilon = 1e-5f, momentum = 0.9f;
  std::int64_t spatial = 1, training_mode = 0;

  void each(auto& read) {
    read("epsilon", epsilon);
    read("momentum", momentum);
    read("spatial", spatial);
    read("training_mode", training_mode);
  }
};

struct InstanceNormAttributes {
  float epsilon = 1e-5f;

  void each(auto& read) { read("epsilon", epsilon); }
};

struct GroupNormAttributes {
  float epsilon = 1e-5f;
  std::int64_t num_groups = 0;

  void each(auto& read) {
    read("epsilon", epsilon);
    read("num_groups", num_groups);
    read.ignored("stash_type");  // quench sums in double
  }
};

struct LayerNormAttributes {
  std::int64_t axis = -1;
  float epsilon = 1e-5f;

  void each(auto& read) {
    read("axis", axis);
    read("epsilon", epsilon);
    read.ignored("stash_type");  // quench sums in double
  }
};

struct LrnAttributes {
  std::int64_t size = 0;
  float alpha = 1e-4f, beta = 0.75f, bias = 1.0f;

  void each(auto& read) {
    read("alpha", alpha);
    read("beta", beta);
    read("bias", bias);
    read("size", size);
  }
};

/// Bounds are inputs since operator set 11.
struct ClipAttributes {
  std::optional<float> min, max;

  void each(auto& read) {
    read("min", min);
    read("max", max);
  }
};

struct LeakyReluAttributes {
  float alpha = 0.01f;

  void each(auto& read) { read("alpha", alpha); }
};

struct EluAttributes {
  float alpha = 1.0f;

  void each(auto& read) { read("alpha", alpha); }
};

struct SeluAttributes {
  float alpha = 1.67326319217681884765625f, gamma = 1.05070102214813232421875f;

  void each(auto& read) {
    read("alpha", alpha);
    read("gamma", gamma);
  }
};

struct GeluAttributes {
  std::string approximate = "none";

  void each(auto& read) { read("approximate", approximate); }
};

struct HardSigmoidAttributes {
  float alpha = 0.2f, beta = 0.5f;

  void each(auto& read) {
    read("alpha", alpha);
    read("beta", beta);
  }
};

/// The ratio is an input since operator set 12.
struct DropoutAttributes {
  float ratio = 0.5f;

  void each(auto& read) {
    read("ratio", ratio);
    read.ignored("seed");  // quench uses its own seed
  }
};

/// The default axis depends on the operator or the operator set.
struct AxisAttributes {
  std::optional<std::int64_t> axis;

  void each(auto& read) { read("axis", axis); }
};

/// Whether the type is FLOAT, FLOAT16, DOUBLE or BFLOAT16, which are all f32 in quench.
constexpr bool is_float(std::int64_t type) {
  return type == 1 || type == 10 || type == 11 || type == 16;
}

struct CastAttributes {
  std::int64_t to = 0;

  void each(auto& read) {
    read("to", to);
    // For 8-bit floats, which are rejected.
    read.ignored("saturate");
    read.ignored("round_mode");
  }
};

/// Axes are an input since operator set 13.
struct AxesAttributes {
  std::optional<Integers> axes;

  void each(auto& read) { read("axes", axes); }
};

struct ReduceAttributes : AxesAttributes {
  std::int64_t keepdims = 1, noop_with_empty_axes = 0;

  void each(auto& read) {
    AxesAttributes::each(read);
    read("keepdims", keepdims);
    read("noop_with_empty_axes", noop_with_empty_axes);
  }
};

/// Tensors of 16-bit integers and 8-bit floats are rejected, so only 8-bit and 4-bit integers
/// remain.
struct QuantizeAttributes {
  std::int64_t axis = 1, block_size = 0, output_dtype = 0, precision = 0;

  void each(auto& read) {
    read("axis", axis);
    read("block_size", block_size);
    read("output_dtype", output_dtype);
    read("precision", precision);
    read.ignored("saturate");  // for 8-bit floats
  }
};

struct DequantizeAttributes {
  std::int64_t axis = 1, block_size = 0, output_dtype = 0;

  void each(auto& read) {
    read("axis", axis);
    read("block_size", block_size);
    read("output_dtype", output_dtype);
  }
};

/// QONNX's Quant.
struct QuantAttributes {
  std::int64_t is_signed = 1, narrow = 1;
  std::string rounding_mode = "ROUND";

  void each(auto& read) {
    read("narrow", narrow);
    read("rounding_mode", rounding_mode);
    read("signed", is_signed);
  }
};

struct ReshapeAttributes {
  std::int64_t allowzero = 0;

  void each(auto& read) { read("allowzero", allowzero); }
};

struct TransposeAttributes {
  std::optional<Integers> perm;

  void each(auto& read) { read("perm", perm); }
};

/// Inputs since operator set 10.
struct SliceAttributes {
  Integers starts, ends;
  std::optional<Integers> axes;

  void each(auto& read) {
    read("axes", axes);
    read("ends", ends);
    read("starts", starts);
  }
};

/// Sizes are an input since operator set 13.
struct SplitAttributes {
  std::int64_t axis = 0;
  std::optional<Integers> split;
  std::optional<std::int64_t> num_outputs;

  void each(auto& read) {
    read("axis", axis);
    read("num_outputs", num_outputs);
    read("split", split);
  }
};

struct DepthToSpaceAttributes {
  std::int64_t blocksize = 0;
  std::string mode = "DCR";

  void each(auto& read) {
    read("blocksize", blocksize);
    read("mode", mode);
  }
};

struct SpaceToDepthAttributes {
  std::int64_t blocksize = 0;

  void each(auto& read) { read("blocksize", blocksize); }
};

struct ResizeAttributes {
  std::string mode = "nearest", nearest_mode = "round_prefer_floor";
  std::string coordinate_transformation_mode = "half_pixel";
  std::string keep_aspect_ratio_policy = "stretch";
  std::int64_t antialias = 0;
  std::optional<Integers> axes;

  void each(auto& read) {
    read("antialias", antialias);
    read("axes", axes);
    read("coordinate_transformation_mode", coordinate_transformation_mode);
    read("keep_aspect_ratio_policy", keep_aspect_ratio_policy);
    read("mode", mode);
    read("nearest_mode", nearest_mode);
    // For cubic interpolation and positions outside the image, which are rejected.
    for (const char* name : {"cubic_coeff_a", "exclude_outside", "extrapolation_value"})
      read.ignored(name);
  }
};

/// Pads and value are inputs since operator set 11.
struct PadAttributes {
  std::string mode = "constant";
  Integers pads;
  float value = 0.0f;

  void each(auto& read) {
    read("mode", mode);
    read("pads", pads);
    read("value", value);
  }
};

struct ShapeAttributes {
  std::int64_t start = 0;
  std::optional<std::int64_t> end;

  void each(auto& read) {
    read("end", end);
    read("start", start);
  }
};

struct ModAttributes {
  std::int64_t fmod = 0;

  void each(auto& read) { read("fmod", fmod); }
};

struct RangeAttributes {
  void each(auto& read) {
    read.ignored("stash_type");  // the type for sums of half-precision values
  }
};

struct ConstantOfShapeAttributes {
  std::optional<OnnxTensor> value;

  void each(auto& read) { read("value", value); }
};

using Attributes = std::variant<
    ConvTransposeAttributes, DepthToSpaceAttributes, SpaceToDepthAttributes, EluAttributes,
    SeluAttributes, GeluAttributes, InstanceNormAttributes, GroupNormAttributes,
    LayerNormAttributes, LrnAttributes, SplitAttributes, ResizeAttributes, NoAttributes,
    ConvAttributes, MaxPoolAttributes, AveragePoolAttributes, GemmAttributes, BatchNormAttributes,
    ClipAttributes, LeakyReluAttributes, HardSigmoidAttributes, DropoutAttributes, AxisAttributes,
    CastAttributes, AxesAttributes, ReduceAttributes, ReshapeAttributes, TransposeAttributes,
    SliceAttributes, PadAttributes, ShapeAttributes, ModAttributes, RangeAttributes,
    ConstantOfShapeAttributes, QuantizeAttributes, DequantizeAttributes, QuantAttributes>;

}  // namespace quench::onnx
