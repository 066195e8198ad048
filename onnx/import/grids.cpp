#include "onnx/import/grids.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include "onnx/import/fusion.h"
#include "quant/code.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

struct Limits {
  std::int64_t least, most;
};

Limits limits_of(OnnxType type) {
  switch (type) {
    case OnnxType::s8:
      return {-128, 127};
    case OnnxType::u8:
      return {0, 255};
    case OnnxType::s4:
      return {-8, 7};
    case OnnxType::u4:
      return {0, 15};
    case OnnxType::f32:
    case OnnxType::s64:
      break;
  }
  return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
}

OnnxType type_of_codes(std::int64_t data_type, const char* attribute) {
  constexpr std::int64_t kU8 = 2, kS8 = 3, kU4 = 21, kS4 = 22;
  switch (data_type) {
    case 0:
    case kU8:
      return OnnxType::u8;
    case kS8:
      return OnnxType::s8;
    case kU4:
      return OnnxType::u4;
    case kS4:
      return OnnxType::s4;
    default:
      break;
  }
  require(false, "{}: expected 8-bit or 4-bit integers (type 3, 2, 22 or 21), got type {}",
          attribute, data_type);
  return OnnxType::u8;
}

void require_whole(std::int64_t block_size) {
  require(block_size == 0, "block_size: expected 0 (one scale per tensor or channel), got {}",
          block_size);
}

/// Codes with these scales and as many zero points.
LinearCodes of_scales(std::vector<float> scale, Dims zero_point) {
  for (const float s : scale)
    require(std::isfinite(s) && s > 0.0f, "scale: expected finite values > 0, got {}", s);
  require(!scale.empty(), "scale: expected at least one value, got none");
  if (zero_point.empty()) zero_point.assign(scale.size(), 0);
  if (zero_point.size() == 1) zero_point.resize(scale.size(), zero_point[0]);
  require(zero_point.size() == scale.size(),
          "zero point: expected {} values like the scale, got {}", scale.size(), zero_point.size());
  return {.scale = std::move(scale), .zero_point = std::move(zero_point)};
}

LinearCodes linear(const Constants& inputs, std::int64_t axis, OnnxType type, const Dims& dims) {
  LinearCodes codes =
      of_scales(floats(input(inputs, 1)), has_input(inputs, 2) ? any_integers(*inputs[2]) : Dims{});
  std::tie(codes.least, codes.most) = std::pair(limits_of(type).least, limits_of(type).most);
  for (const std::int64_t zero : codes.zero_point)
    require(zero >= codes.least && zero <= codes.most, "zero point: expected {} to {}, got {}",
            codes.least, codes.most, zero);
  if (codes.scale.size() == 1) return codes;
  require(!dims.empty(), "scale: expected one value for an activation, got {}", codes.scale.size());
  codes.axis = axis_of(axis, dims.size());
  require(dims[codes.axis] == std::ssize(codes.scale),
          "scale: expected one value, or {} along axis {} of {}, got {}", dims[codes.axis], axis,
          dims_text(dims), codes.scale.size());
  return codes;
}

/// QONNX broadcasts a scale over a tensor: returns the axis along which it has several values.
std::size_t axis_of_scale(const OnnxTensor& scale, const Dims& dims) {
  if (elements_of(scale) == 1) return 0;
  require(!dims.empty(), "scale: expected one value for an activation, got {}",
          dims_text(scale.dims));
  const auto several = [](std::int64_t size) { return size != 1; };
  const std::ptrdiff_t place =
      std::ranges::find_if(scale.dims, several) - scale.dims.begin() - std::ssize(scale.dims);
  const std::ptrdiff_t axis = place + std::ssize(dims);  // trailing dims are aligned
  require(std::ranges::count_if(scale.dims, several) == 1 && axis >= 0 &&
              dims[static_cast<std::size_t>(axis)] == elements_of(scale),
          "scale: expected one value, or several along one axis of {}, got {}", dims_text(dims),
          dims_text(scale.dims));
  return static_cast<std::size_t>(axis);
}

/// Reads integers stored as floats.
Dims whole_numbers(const OnnxTensor& tensor, const char* what) {
  Dims result;
  constexpr float kLimit = 1 << 24;
  for (const float x : floats(tensor)) {
    require(x == std::nearbyint(x) && std::abs(x) <= kLimit, "{}: expected integers, got {}", what,
            x);
    result.push_back(static_cast<std::int64_t>(x));
  }
  return result;
}

// ---- the grid of a constant, found by walking back from the layer that reads it

/// Narrows the range of codes by each Clip before the constant.
void narrow_by_clips(const Builder& builder, const std::string& name, LinearCodes& codes) {
  const OnnxNode* node = builder.writer(name);
  if (node == nullptr || (node->op != "Clip" && node->op != "Cast" && node->op != "Identity"))
    return;
  for (std::size_t i = 1; node->op == "Clip" && i <= 2; ++i) {
    if (!Builder::has_input(*node, i)) continue;
    const std::int64_t bound = only_integer(builder.constant(*node, i));
    require(i == 1 ? bound <= codes.most : bound >= codes.least,
            "'{}': expected a Clip that keeps some codes of {} to {}, got the bound {}",
            node->output, codes.least, codes.most, bound);
    if (i == 1) codes.least = std::max(codes.least, bound);
    if (i == 2) codes.most = std::min(codes.most, bound);
  }
  narrow_by_clips(builder, node->inputs[0], codes);
}

Integers permutation(const Builder& builder, const OnnxNode& transpose, std::size_t rank) {
  Integers reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return builder.attributes<TransposeAttributes>(transpose).perm.value_or(reversed);
}

std::optional<LinearCodes> codes_of_constant(const Builder& builder, const std::string& name) {
  const OnnxNode* node = builder.writer(name);
  if (node == nullptr || !builder.all_constant(*node)) return std::nullopt;
  const auto before = [&] { return codes_of_constant(builder, node->inputs[0]); };
  const auto dims = [&] { return builder.constant(*node, 0).dims; };
  if (node->op == "DequantizeLinear") {
    LinearCodes codes =
        linear_codes(builder.attributes<DequantizeAttributes>(*node), builder.constants(*node, 1),
                     builder.constant(*node, 0).type, dims());
    narrow_by_clips(builder, node->inputs[0], codes);
    return codes;
  }
  if (std::holds_alternative<QuantAttributes>(builder.attributes(*node)))
    return linear_codes(builder.attributes<QuantAttributes>(*node), builder.constants(*node, 1),
                        dims());
  if (node->op == std::string(kQonnx) + ".BipolarQuant")
    return bipolar_codes(builder.constants(*node, 1), dims());
  if (node->op == "Identity" || node->op == "Cast") return before();
  if (node->op == "Transpose") {
    std::optional<LinearCodes> codes = before();
    if (!codes || codes->scale.size() == 1) return codes;
    const Integers perm = permutation(builder, *node, dims().size());
    const auto place = std::ranges::find(perm, static_cast<std::int64_t>(codes->axis));
    codes->axis = static_cast<std::size_t>(place - perm.begin());
    return codes;
  }
  if (node->op == "Reshape" || node->op == "Squeeze" || node->op == "Unsqueeze") {
    std::optional<LinearCodes> codes = before();
    if (!codes) return codes;
    require(codes->scale.size() == 1, "expected a weight that is not reshaped after its {} scales",
            codes->scale.size());
    return codes;
  }
  return std::nullopt;
}

bool rounds(const Attributes& attributes) {
  return std::holds_alternative<QuantizeAttributes>(attributes) ||
         std::holds_alternative<QuantAttributes>(attributes);
}

}  // namespace

std::size_t LinearCodes::slice_of(std::int64_t element, const Dims& dims) const {
  if (scale.size() == 1) return 0;
  std::int64_t inner = 1;
  for (std::size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  return static_cast<std::size_t>(element / inner % std::ssize(scale));
}

double LinearCodes::centered(float x, std::size_t slice) const {
  if (bipolar) return quant::binary_code(x) < 0.0f ? -1.0 : 1.0;
  const auto zero = static_cast<double>(zero_point[slice]);
  const auto code = static_cast<double>(std::nearbyint(x / scale[slice]));
  const double clipped =
      std::clamp(code, static_cast<double>(least) - zero, static_cast<double>(most) - zero);
  return clipped + 0.0;  // -0 becomes +0, as in integers
}

OnnxType LinearCodes::type() const {
  for (const OnnxType type : {OnnxType::s4, OnnxType::u4, OnnxType::s8, OnnxType::u8}) {
    if (limits_of(type).least == least && limits_of(type).most == most) return type;
  }
  require(false, "expected 8-bit or 4-bit integers");
  return OnnxType::u8;
}

quant::QuantGrid LinearCodes::grid() const {
  quant::QuantGrid grid = bipolar ? quant::binary_grid() : quant::QuantGrid{};
  grid.scale = scale;
  grid.zero_point.assign(zero_point.begin(), zero_point.end());
  if (bipolar) return grid;
  constexpr int kMostBits = 8;
  const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(most - least)));
  require(bits <= kMostBits,
          "expected integers of at most {} bits for weights and activations, got {}", kMostBits,
          bits);
  grid.bits = bits;
  grid.qmin = static_cast<std::int32_t>(least);
  grid.qmax = static_cast<std::int32_t>(most);
  return grid;
}

LinearCodes linear_codes(const QuantizeAttributes& attributes, const Constants& inputs,
                         const Dims& dims) {
  constexpr std::int64_t kFloat = 1;
  require_whole(attributes.block_size);
  require(attributes.precision == 0 || attributes.precision == kFloat,
          "precision: expected 32-bit floats (1), got type {}", attributes.precision);
  OnnxType type = type_of_codes(attributes.output_dtype, "output_dtype");
  if (has_input(inputs, 2)) {
    require(attributes.output_dtype == 0 || inputs[2]->type == type,
            "output_dtype: expected the type of the zero point, got type {}",
            attributes.output_dtype);
    type = inputs[2]->type;
    require(is_code(type), "zero point: expected 8-bit or 4-bit integers");
  }
  return linear(inputs, attributes.axis, type, dims);
}

LinearCodes linear_codes(const DequantizeAttributes& attributes, const Constants& inputs,
                         OnnxType codes, const Dims& dims) {
  require_whole(attributes.block_size);
  require(attributes.output_dtype == 0 || is_float(attributes.output_dtype),
          "output_dtype: expected floats (1, 10, 11 or 16), got type {}", attributes.output_dtype);
  require(codes != OnnxType::f32, "expected integers, got floats");
  return linear(inputs, attributes.axis, codes, dims);
}

LinearCodes linear_codes(const QuantAttributes& attributes, const Constants& inputs,
                         const Dims& dims) {
  constexpr std::int64_t kMostBits = 32;
  require(attributes.rounding_mode == "ROUND" || attributes.rounding_mode == "HALF_EVEN",
          "rounding_mode: expected ROUND, got {}", attributes.rounding_mode);
  const Dims widths = whole_numbers(input(inputs, 3), "bit width");
  const std::int64_t bits = widths.size() == 1 ? widths[0] : 0;
  require(bits >= 1 && bits <= kMostBits, "bit width: expected one of 1 to {}, got {}", kMostBits,
          dims_text(widths));
  LinearCodes codes =
      of_scales(floats(input(inputs, 1)), whole_numbers(input(inputs, 2), "zero point"));
  codes.axis = axis_of_scale(*inputs[1], dims);
  const bool is_signed = attributes.is_signed != 0;
  // QONNX's exporters write -1 and +1 as one signed bit, and QONNX executes it so.
  codes.bipolar = is_signed && bits == 1;
  const std::int64_t count = std::int64_t{1} << bits, cut = attributes.narrow != 0 ? 1 : 0;
  codes.least = is_signed ? cut - count / 2 : 0;
  codes.most = is_signed ? count / 2 - 1 : count - 1 - cut;
  return codes;
}

LinearCodes bipolar_codes(const Constants& inputs, const Dims& dims) {
  LinearCodes codes = of_scales(floats(input(inputs, 1)), {});
  codes.axis = axis_of_scale(*inputs[1], dims);
  codes.bipolar = true;
  return codes;
}

std::optional<quant::QuantGrid> weight_grid(const Builder& builder, const OnnxNode& layer,
                                            std::size_t channel_axis) {
  if (!builder.options().quantizers) return std::nullopt;
  const std::optional<LinearCodes> codes = codes_of_constant(builder, layer.inputs[1]);
  if (!codes) return std::nullopt;
  quant::QuantGrid grid = codes->grid();
  if (codes->scale.size() == 1) return grid;
  require(
      codes->axis == channel_axis,
      "'{}': expected one scale, or one for each output channel (axis {}), got {} along axis {}",
      layer.inputs[1], channel_axis, codes->scale.size(), codes->axis);
  grid.axis = 0;
  return grid;
}

bool narrows_grid(Builder& builder, const OnnxNode& clip) {
  Value value = builder.bare_activation(clip);
  if (value.codes && !value.grid) {
    builder.set_output(clip, std::move(value));
    return true;
  }
  if (value.codes) {
    quant::QuantGrid& grid = *value.grid;
    LinearCodes ends{.least = grid.qmin, .most = grid.qmax};
    narrow_by_clips(builder, clip.output, ends);
    grid.qmin = static_cast<std::int32_t>(ends.least);
    grid.qmax = static_cast<std::int32_t>(ends.most);
    grid.bits = std::bit_width(static_cast<std::uint32_t>(grid.qmax - grid.qmin));
    builder.set_output(clip, std::move(value));
    return true;
  }
  const OnnxNode* reader = builder.only_reader(clip);
  if (reader == nullptr || !rounds(builder.attributes(*reader))) return false;
  // An activation stays in place for the float network.
  if (activation_with(clip_range(builder, clip))) return false;
  builder.set_output(clip, builder.numbers(clip));
  return true;
}

bool keeps_codes(const Builder& builder, const OnnxNode& cast, const CastAttributes& attributes) {
  constexpr std::int64_t kS32 = 6, kS64 = 7;
  const Value value = builder.bare_activation(cast);
  if (!value.codes || is_float(attributes.to)) return false;
  if (attributes.to == kS32 || attributes.to == kS64 || !value.grid) return true;
  const Limits limits = limits_of(type_of_codes(attributes.to, "to"));
  return value.grid->qmin >= limits.least && value.grid->qmax <= limits.most;
}

}  // namespace quench::onnx
