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

// A network of integers: what freeze() makes of a trained one, what a model file holds, and what
// the interpreter and the engine run. deploy/README.md writes its arithmetic down.

/// The number of a value within IntegerNetwork::values.
using ValueId = std::size_t;

/// What one operation hands to others, per image [C, H, W], in memory H, W, C.
struct Value {
  std::int64_t channels = 0, height = 0, width = 0;
  /// Of its codes, which are kept as q - qmin in one byte; one scale, for the tensor. Without a grid
  /// the value is real (f32): the network's output.
  std::optional<quant::QuantGrid> grid;
  /// The quantizer slots of the trained network that read it, for messages: "conv2.input".
  std::vector<std::string> readers;

  std::int64_t numel() const { return channels * height * width; }
  /// The code, as kept, of real 0. @throws std::logic_error  for a real value
  std::uint8_t zero_code() const;
  bool operator==(const Value&) const = default;
};

/// y = clamp(x * scale[c] + shift[c]) on reals: multiplication and addition each rounded to f32.
struct Affine {
  std::vector<float> scale, shift;  ///< one per channel; both empty: y = clamp(x)
  Activation activation = Activation::none;

  bool operator==(const Affine&) const = default;
};

/// What is done to the real numbers of an operation before they are codes of a value.
struct Output {
  std::vector<Affine> steps;
  ValueId value = 0;

  bool operator==(const Output&) const = default;
};

/// The images as codes; no inputs. real = pixel + image[i], of pixel i in memory.
struct Quantize {
  std::vector<float> image = {};  ///< [H][W][C], or empty: nothing is added
  bool operator==(const Quantize&) const = default;
};

/// The largest magnitude of a convolution's weights: an 8-bit code less its zero point.
inline constexpr std::int64_t kMaxWeight = 255;

/// real = float(sum of w (q - zero)) * (input scale * weight scale[o]) + bias[o]. A linear layer is
/// a convolution by a kernel of the size of its image.
struct Convolution {
  std::array<int, 2> kernel{1, 1};
  Conv2dParams params;
  std::int64_t out_channels = 0;
  quant::QuantGrid weight_grid;                 ///< one scale, or one per output channel
  std::vector<std::int16_t> weight;             ///< q - zero_point, [O][KH][KW][C/groups]
  std::vector<float> bias;                      ///< [O], or empty
  std::optional<Window2d> pool = std::nullopt;  ///< the largest sum of each window goes on

  bool operator==(const Convolution&) const = default;
};

/// real = s1 (q1 - z1) + s2 (q2 - z2), or their difference, of two inputs of one shape.
struct Addition {
  bool subtracts = false;
  bool operator==(const Addition&) const = default;
};

/// real = float((q1 - z1) (q2 - z2)) * (s1 * s2), of two inputs of one shape, or of one [C, H, W] and,
/// as either of the two, one [C, 1, 1]. Where a grid has an offset: the product of the two reals.
struct Multiplication {
  bool operator==(const Multiplication&) const = default;
};

/// real = table[q - qmin], or table[c][q - qmin]: a function of one number. Its numbers rather than its
/// name are kept, so that no machine's library of functions is asked again.
struct Lookup {
  std::vector<float> table;  ///< qmax - qmin + 1, or as many for each channel
  bool operator==(const Lookup&) const = default;
};

/// real = float(sum of (q - zero)) / float(count) * scale, over the places on the image.
struct AveragePool {
  Window2d window;
  bool operator==(const AveragePool&) const = default;
};

/// Moves codes: its output has its input's grid. The largest code of each window, or the smallest of
/// a channel in which larger numbers have smaller codes: behind a gain below 0.
struct MaxPool {
  Window2d window;
  std::vector<std::uint8_t> smallest = {};  ///< [C] of 0 and 1, or empty: 0
  bool operator==(const MaxPool&) const = default;
};

/// Moves codes: channels of real 0 before and after those of its input, rows and columns around; rows and
/// columns below 0 are so many that are cut off.
struct ZeroPad {
  std::int64_t before = 0, after = 0;  ///< channels
  Padding image = {};
  bool operator==(const ZeroPad&) const = default;
};

/// Moves codes: its inputs, one or more of one grid, one behind the other along the channels.
struct Concatenation {
  bool operator==(const Concatenation&) const = default;
};

/// Moves codes: the largest, or by channel the smallest, of two or more inputs of one grid and shape,
/// place by place.
struct Extremum {
  std::vector<std::uint8_t> smallest = {};  ///< [C] of 0 and 1, or empty: 0
  bool operator==(const Extremum&) const = default;
};

/// Moves codes: channels of its input by their numbers, in the order of these.
struct ChannelSelection {
  std::vector<std::int64_t> channels;
  bool operator==(const ChannelSelection&) const = default;
};

/// Moves codes: each pixel as a block of so many rows and columns.
struct Upsampling {
  std::array<int, 2> factor{1, 1};
  bool operator==(const Upsampling&) const = default;
};

/// Moves codes: rows and columns of its input by their numbers, in the order of these.
struct PixelSelection {
  std::vector<std::int64_t> rows, columns;
  bool operator==(const PixelSelection&) const = default;
};

struct Operation {
  using Kind =
      std::variant<Quantize, Convolution, Addition, Multiplication, Lookup, AveragePool, MaxPool,
                   ZeroPad, Concatenation, Extremum, ChannelSelection, Upsampling, PixelSelection,
                   Rearrangement>;  // the last moves codes as well, see core/ops/rearrange.h

  std::string name;  ///< of the module that it was
  Kind kind;
  std::vector<ValueId> inputs;
  std::vector<Output> outputs;  ///< at least one; one without steps if it moves codes

  bool operator==(const Operation&) const = default;
};

/// "quantize", "convolution", "addition", "multiplication", "lookup", "average_pool", "max_pool",
/// "zero_pad", "concatenation", "extremum", "channel_selection", "upsampling", "pixel_selection" or
/// "rearrangement".
std::string_view to_string(const Operation::Kind& kind);
/// Whether its output holds codes of its input as they are.
bool moves_codes(const Operation::Kind& kind);

struct IntegerNetwork {
  std::int64_t channels = 0, height = 0, width = 0;  ///< of an image
  std::vector<Value> values;
  std::vector<Operation> operations;  ///< each after those whose values it reads
  ValueId output = 0;                 ///< the real value [classes, 1, 1]
  /// What a user of the model needs beside the numbers, as text: "model", "config" (of the run, in
  /// TOML: data, normalization), "classes" (one name a line), "commit".
  std::map<std::string, std::string> metadata;

  bool operator==(const IntegerNetwork&) const = default;
};

/// No value of an image has more elements, nor has a weight.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;
/// No kernel, stride, padding or dilation is larger.
inline constexpr int kMaxWindow = 1 << 20;

/// Whether everything fits together, so that what runs the network need not ask again: shapes, ids,
/// grids, lengths, order; that every number is finite, and that 32 bits hold every sum.
/// @throws std::invalid_argument  naming the operation or the value, and what is wrong with it
void check_network(const IntegerNetwork& network);

/// Height and width of the sums of a convolution, before it pools them.
/// @throws std::invalid_argument  if they do not fit
std::array<std::int64_t, 2> sums_size(const Value& image, const Convolution& convolution);

/// [C, H, W] of what an operation makes of its inputs, from its sizes alone.
/// @throws std::invalid_argument  if they do not fit
std::array<std::int64_t, 3> output_size(const IntegerNetwork& network, const Operation& operation);

/// For each output channel a bound on |sum of w (q - zero)|, of any image and any order of summation:
/// sum of |w| times the largest |q - zero|. A tap off the image adds nothing, so it holds there too.
std::vector<std::int64_t> largest_sums(const Convolution& convolution,
                                       const quant::QuantGrid& input);

}  // namespace quench::deploy
