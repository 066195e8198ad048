#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/ops/activation.h"
#include "core/ops/conv2d.h"
#include "core/ops/rearrange.h"
#include "core/ops/window.h"
#include "quant/grid.h"

namespace quench::deploy {

// An integer network, as created by freeze(), stored in model files, and run by the interpreter and
// the engine. deploy/README.md defines its arithmetic.

/// The index of a value in IntegerNetwork::values.
using ValueId = std::size_t;

/// An output of an operation, [C, H, W] per image, stored as [H][W][C].
struct Value {
  std::int64_t channels = 0, height = 0, width = 0;
  /// The grid of its codes, stored as q - qmin in one byte, with one scale for the tensor. A value
  /// without a grid is real (f32): the network's output.
  std::optional<quant::QuantGrid> grid;
  /// The quantizer slots of the trained network that read it, for messages: "conv2.input".
  std::vector<std::string> readers;

  std::int64_t numel() const { return channels * height * width; }
  /// The stored code of real 0. @throws std::logic_error  for a real value
  std::uint8_t zero_code() const;
  bool operator==(const Value&) const = default;
};

/// y = clamp(x * scale[c] + shift[c]) on float32 values; multiplication and addition each round to
/// f32.
struct Affine {
  std::vector<float> scale, shift;  ///< one per channel; both empty: y = clamp(x)
  Activation activation = Activation::none;

  bool operator==(const Affine&) const = default;
};

/// The steps from an operation's real result to the codes of a value.
struct Output {
  std::vector<Affine> steps;
  ValueId value = 0;

  bool operator==(const Output&) const = default;
};

/// Quantizes the images; no inputs. real = pixel[i] + image[i].
struct Quantize {
  std::vector<float> image = {};  ///< [H][W][C], or empty
  bool operator==(const Quantize&) const = default;
};

/// The largest magnitude of a convolution's weights: an 8-bit code minus its zero point.
inline constexpr std::int64_t kMaxWeight = 255;

/// real = float(sum of w (q - zero)) * (input scale * weight scale[o]) + bias[o]. A linear layer is
/// a convolution whose kernel has the size of its image.
struct Convolution {
  std::array<int, 2> kernel{1, 1};
  Conv2dParams params;
  std::int64_t out_channels = 0;
  quant::QuantGrid weight_grid;                 ///< one scale, or one per output channel
  std::vector<std::int16_t> weight;             ///< q - zero_point, [O][KH][KW][C/groups]
  std::vector<float> bias;                      ///< [O], or empty
  std::optional<Window2d> pool = std::nullopt;  ///< keeps the largest sum of each window

  bool operator==(const Convolution&) const = default;
};

/// real = s1 (q1 - z1) + s2 (q2 - z2), or their difference, for two inputs of one shape.
struct Addition {
  bool subtracts = false;
  bool operator==(const Addition&) const = default;
};

/// real = float((q1 - z1) (q2 - z2)) * (s1 * s2), for two inputs of one shape, or for [C, H, W] and
/// [C, 1, 1] in either order. If a grid has an offset: the product of the two real values.
struct Multiplication {
  bool operator==(const Multiplication&) const = default;
};

/// real = table[q - qmin], or table[c][q - qmin]: a function of one value. Storing its values
/// instead of its name makes the result independent of the machine's math library.
struct Lookup {
  std::vector<float> table;  ///< qmax - qmin + 1, or as many for each channel
  bool operator==(const Lookup&) const = default;
};

/// real = float(sum of (q - zero)) / float(count) * scale, over the pixels inside the image.
struct AveragePool {
  Window2d window;
  bool operator==(const AveragePool&) const = default;
};

/// Moves codes: the output has the input's grid. Takes the largest code of each window, or the
/// smallest in channels where larger values have smaller codes, i.e. after a gain below 0.
struct MaxPool {
  Window2d window;
  std::vector<std::uint8_t> smallest = {};  ///< [C] of 0 and 1, or empty: 0
  bool operator==(const MaxPool&) const = default;
};

/// Moves codes: adds channels of real 0 before and after those of the input, and rows and columns
/// around it. Negative counts crop.
struct ZeroPad {
  std::int64_t before = 0, after = 0;  ///< channels
  Padding image = {};
  bool operator==(const ZeroPad&) const = default;
};

/// Moves codes: concatenates one or more inputs of one grid along the channels.
struct Concatenation {
  bool operator==(const Concatenation&) const = default;
};

/// Moves codes: the elementwise largest, or by channel the smallest, of two or more inputs of one
/// grid and shape.
struct Extremum {
  std::vector<std::uint8_t> smallest = {};  ///< [C] of 0 and 1, or empty: 0
  bool operator==(const Extremum&) const = default;
};

/// Moves codes: selects channels of the input by index, in the given order.
struct ChannelSelection {
  std::vector<std::int64_t> channels;
  bool operator==(const ChannelSelection&) const = default;
};

/// Moves codes: repeats each pixel as a block of `factor` rows and columns.
struct Upsampling {
  std::array<int, 2> factor{1, 1};
  bool operator==(const Upsampling&) const = default;
};

/// Moves codes: selects rows and columns of the input by index, in the given order.
struct PixelSelection {
  std::vector<std::int64_t> rows, columns;
  bool operator==(const PixelSelection&) const = default;
};

struct Operation {
  using Kind =
      std::variant<Quantize, Convolution, Addition, Multiplication, Lookup, AveragePool, MaxPool,
                   ZeroPad, Concatenation, Extremum, ChannelSelection, Upsampling, PixelSelection,
                   Rearrangement>;  // the last one moves codes too, see core/ops/rearrange.h

  std::string name;  ///< of its module
  Kind kind;
  std::vector<ValueId> inputs;
  std::vector<Output> outputs;  ///< at least one; one without steps if it moves codes

  bool operator==(const Operation&) const = default;
};

/// "quantize", "convolution", "addition", "multiplication", "lookup", "average_pool", "max_pool",
/// "zero_pad", "concatenation", "extremum", "channel_selection", "upsampling", "pixel_selection" or
/// "rearrangement".
std::string_view to_string(const Operation::Kind& kind);
/// Whether the output holds unchanged codes of the input.
bool moves_codes(const Operation::Kind& kind);

struct IntegerNetwork {
  std::int64_t channels = 0, height = 0, width = 0;  ///< of an image
  std::vector<Value> values;
  std::vector<Operation> operations;  ///< sorted: each after the operations whose values it reads
  ValueId output = 0;                 ///< the real value [classes, 1, 1]
  /// Strings for users of the model: "model", "config" (of the run, in TOML: data, normalization),
  /// "classes" (one name per line), "commit".
  std::map<std::string, std::string> metadata;

  bool operator==(const IntegerNetwork&) const = default;
};

/// The largest number of elements of a value per image, or of a weight.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;
/// The largest kernel size, stride, padding or dilation.
inline constexpr int kMaxWindow = 1 << 20;

/// Checks that a network is consistent, so that code which runs it need not check again: shapes,
/// ids, grids, lengths and order; every number is finite, and every sum fits in 32 bits.
/// @throws std::invalid_argument  naming the operation or value and the error
void check_network(const IntegerNetwork& network);

/// Height and width of a convolution's sums, before pooling.
/// @throws std::invalid_argument  if they do not fit
std::array<std::int64_t, 2> sums_size(const Value& image, const Convolution& convolution);

/// [C, H, W] of an operation's output, computed from sizes only.
/// @throws std::invalid_argument  if they do not fit
std::array<std::int64_t, 3> output_size(const IntegerNetwork& network, const Operation& operation);

/// For each output channel, a bound on |sum of w (q - zero)| for any image and order of summation:
/// sum of |w| times the largest |q - zero|. A tap outside the image adds nothing, so the bound
/// holds at borders too.
std::vector<std::int64_t> largest_sums(const Convolution& convolution,
                                       const quant::QuantGrid& input);

}  // namespace quench::deploy
